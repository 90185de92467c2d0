// Shared part: the number of an invocation in a dispatch of any size. A dimension takes at most 65 535 workgroups, so
// the host folds longer dispatches into two dimensions; and it cuts those that take long into ranges of workgroups, one
// a submission. This undoes both.

struct Range {
    first: u32,  // workgroups before this range
}

@group(1) @binding(0) var<uniform> range: Range;

fn linear_index(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (range.first + group.y * groups.x + group.x) * WORKGROUP + local;
}
