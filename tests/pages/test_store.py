from concurrent.futures import ThreadPoolExecutor

from pages._shared.store import Store, store


def test_result_is_found_under_an_equal_key_and_no_other() -> None:
    results = Store(limit=3)
    assert results.put(("a", 1), 5) == 5
    assert results.get(("a", 1)) == 5
    assert results.get(("a", 2)) is None


def test_oldest_result_goes_first_and_a_new_value_counts_as_new() -> None:
    results = Store(limit=2)
    results.put("a", 1)
    results.put("b", 2)
    results.put("a", 3)
    results.put("c", 4)
    assert [results.get(key) for key in "abc"] == [3, None, 4]


def test_values_are_listed_from_the_oldest_and_a_dropped_one_is_gone() -> None:
    results = Store(limit=3)
    for number, key in enumerate("abc"):
        results.put(key, number)
    results.put("a", 9)
    assert results.values() == [1, 2, 9]
    results.drop("c")
    results.drop("unknown")
    assert results.values() == [1, 9]


def test_several_threads_never_exceed_the_limit() -> None:
    results = Store(limit=10)

    def fill(first: int) -> None:
        for key in range(first, first + 500):
            results.put(key, key)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fill, range(0, 2000, 500)))
    assert sum(results.get(key) is not None for key in range(2000)) == 10


def test_pages_share_one_store_of_a_name() -> None:
    store("test", 4).put("key", "value")
    assert store("test", 4).get("key") == "value"
    assert store("another test", 4).get("key") is None
