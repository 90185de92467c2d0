// Shared part: the number of an invocation in a dispatch of any size. A dimension takes at most 65 535 workgroups,
// so the host folds longer dispatches into two dimensions and this undoes it.

fn linear_index(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * WORKGROUP + local;
}
