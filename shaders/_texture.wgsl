// Shared part: where vec4 i of a tensor lies in the texture that the host has copied it into.

fn texel(i: u32) -> vec2<u32> {
    return vec2<u32>(i % 1024u, i / 1024u);
}
