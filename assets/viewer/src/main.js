export function show() {}
export function drop() {}
