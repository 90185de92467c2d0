// Shared part: adds four k to a tile where A lies along k. Vector q of A in invocation l is row 8q + l, its components are
// the four k: the invocation that has loaded a row gives it to all.

fn multiply(
    t: ptr<function, Tile>,
    a0: vec4<f32>, a1: vec4<f32>, a2: vec4<f32>, a3: vec4<f32>,
    b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>,
) {
    let x0 = subgroupBroadcast(a0, 0u);
    (*t).c0 += x0.x * b0; (*t).c0 += x0.y * b1; (*t).c0 += x0.z * b2; (*t).c0 += x0.w * b3;
    let x1 = subgroupBroadcast(a0, 1u);
    (*t).c1 += x1.x * b0; (*t).c1 += x1.y * b1; (*t).c1 += x1.z * b2; (*t).c1 += x1.w * b3;
    let x2 = subgroupBroadcast(a0, 2u);
    (*t).c2 += x2.x * b0; (*t).c2 += x2.y * b1; (*t).c2 += x2.z * b2; (*t).c2 += x2.w * b3;
    let x3 = subgroupBroadcast(a0, 3u);
    (*t).c3 += x3.x * b0; (*t).c3 += x3.y * b1; (*t).c3 += x3.z * b2; (*t).c3 += x3.w * b3;
    let x4 = subgroupBroadcast(a0, 4u);
    (*t).c4 += x4.x * b0; (*t).c4 += x4.y * b1; (*t).c4 += x4.z * b2; (*t).c4 += x4.w * b3;
    let x5 = subgroupBroadcast(a0, 5u);
    (*t).c5 += x5.x * b0; (*t).c5 += x5.y * b1; (*t).c5 += x5.z * b2; (*t).c5 += x5.w * b3;
    let x6 = subgroupBroadcast(a0, 6u);
    (*t).c6 += x6.x * b0; (*t).c6 += x6.y * b1; (*t).c6 += x6.z * b2; (*t).c6 += x6.w * b3;
    let x7 = subgroupBroadcast(a0, 7u);
    (*t).c7 += x7.x * b0; (*t).c7 += x7.y * b1; (*t).c7 += x7.z * b2; (*t).c7 += x7.w * b3;
    let x8 = subgroupBroadcast(a1, 0u);
    (*t).c8 += x8.x * b0; (*t).c8 += x8.y * b1; (*t).c8 += x8.z * b2; (*t).c8 += x8.w * b3;
    let x9 = subgroupBroadcast(a1, 1u);
    (*t).c9 += x9.x * b0; (*t).c9 += x9.y * b1; (*t).c9 += x9.z * b2; (*t).c9 += x9.w * b3;
    let x10 = subgroupBroadcast(a1, 2u);
    (*t).c10 += x10.x * b0; (*t).c10 += x10.y * b1; (*t).c10 += x10.z * b2; (*t).c10 += x10.w * b3;
    let x11 = subgroupBroadcast(a1, 3u);
    (*t).c11 += x11.x * b0; (*t).c11 += x11.y * b1; (*t).c11 += x11.z * b2; (*t).c11 += x11.w * b3;
    let x12 = subgroupBroadcast(a1, 4u);
    (*t).c12 += x12.x * b0; (*t).c12 += x12.y * b1; (*t).c12 += x12.z * b2; (*t).c12 += x12.w * b3;
    let x13 = subgroupBroadcast(a1, 5u);
    (*t).c13 += x13.x * b0; (*t).c13 += x13.y * b1; (*t).c13 += x13.z * b2; (*t).c13 += x13.w * b3;
    let x14 = subgroupBroadcast(a1, 6u);
    (*t).c14 += x14.x * b0; (*t).c14 += x14.y * b1; (*t).c14 += x14.z * b2; (*t).c14 += x14.w * b3;
    let x15 = subgroupBroadcast(a1, 7u);
    (*t).c15 += x15.x * b0; (*t).c15 += x15.y * b1; (*t).c15 += x15.z * b2; (*t).c15 += x15.w * b3;
    let x16 = subgroupBroadcast(a2, 0u);
    (*t).c16 += x16.x * b0; (*t).c16 += x16.y * b1; (*t).c16 += x16.z * b2; (*t).c16 += x16.w * b3;
    let x17 = subgroupBroadcast(a2, 1u);
    (*t).c17 += x17.x * b0; (*t).c17 += x17.y * b1; (*t).c17 += x17.z * b2; (*t).c17 += x17.w * b3;
    let x18 = subgroupBroadcast(a2, 2u);
    (*t).c18 += x18.x * b0; (*t).c18 += x18.y * b1; (*t).c18 += x18.z * b2; (*t).c18 += x18.w * b3;
    let x19 = subgroupBroadcast(a2, 3u);
    (*t).c19 += x19.x * b0; (*t).c19 += x19.y * b1; (*t).c19 += x19.z * b2; (*t).c19 += x19.w * b3;
    let x20 = subgroupBroadcast(a2, 4u);
    (*t).c20 += x20.x * b0; (*t).c20 += x20.y * b1; (*t).c20 += x20.z * b2; (*t).c20 += x20.w * b3;
    let x21 = subgroupBroadcast(a2, 5u);
    (*t).c21 += x21.x * b0; (*t).c21 += x21.y * b1; (*t).c21 += x21.z * b2; (*t).c21 += x21.w * b3;
    let x22 = subgroupBroadcast(a2, 6u);
    (*t).c22 += x22.x * b0; (*t).c22 += x22.y * b1; (*t).c22 += x22.z * b2; (*t).c22 += x22.w * b3;
    let x23 = subgroupBroadcast(a2, 7u);
    (*t).c23 += x23.x * b0; (*t).c23 += x23.y * b1; (*t).c23 += x23.z * b2; (*t).c23 += x23.w * b3;
    let x24 = subgroupBroadcast(a3, 0u);
    (*t).c24 += x24.x * b0; (*t).c24 += x24.y * b1; (*t).c24 += x24.z * b2; (*t).c24 += x24.w * b3;
    let x25 = subgroupBroadcast(a3, 1u);
    (*t).c25 += x25.x * b0; (*t).c25 += x25.y * b1; (*t).c25 += x25.z * b2; (*t).c25 += x25.w * b3;
    let x26 = subgroupBroadcast(a3, 2u);
    (*t).c26 += x26.x * b0; (*t).c26 += x26.y * b1; (*t).c26 += x26.z * b2; (*t).c26 += x26.w * b3;
    let x27 = subgroupBroadcast(a3, 3u);
    (*t).c27 += x27.x * b0; (*t).c27 += x27.y * b1; (*t).c27 += x27.z * b2; (*t).c27 += x27.w * b3;
    let x28 = subgroupBroadcast(a3, 4u);
    (*t).c28 += x28.x * b0; (*t).c28 += x28.y * b1; (*t).c28 += x28.z * b2; (*t).c28 += x28.w * b3;
    let x29 = subgroupBroadcast(a3, 5u);
    (*t).c29 += x29.x * b0; (*t).c29 += x29.y * b1; (*t).c29 += x29.z * b2; (*t).c29 += x29.w * b3;
    let x30 = subgroupBroadcast(a3, 6u);
    (*t).c30 += x30.x * b0; (*t).c30 += x30.y * b1; (*t).c30 += x30.z * b2; (*t).c30 += x30.w * b3;
    let x31 = subgroupBroadcast(a3, 7u);
    (*t).c31 += x31.x * b0; (*t).c31 += x31.y * b1; (*t).c31 += x31.z * b2; (*t).c31 += x31.w * b3;
}
