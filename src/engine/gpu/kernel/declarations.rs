//! Bindings and constants as a shader declares them, one a line: the host reads them there, so that they are described
//! once. `tests/it/shaders.rs` compares them with those that naga finds.
//!
//! ```wgsl
//! @group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;  // [rows, cols]
//! override ACCUMULATE: bool = false;  // add to C
//! ```

/// How a shader uses a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `var<uniform>`.
    Uniform,
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    Write,
    /// A texture of four floats a texel, only read.
    Texture,
}

impl Access {
    /// As WGSL has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Read => "read",
            Self::Write => "read_write",
            Self::Texture => "texture",
        }
    }
}

/// A binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// `@group`.
    pub group: u32,
    /// `@binding`.
    pub number: u32,
    /// How it is used.
    pub access: Access,
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: &'static str,
    /// The shape of a tensor, as the comment behind it has it; nothing for uniforms.
    pub shape: &'static str,
}

/// An `override`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constant {
    /// Its name.
    pub name: &'static str,
    /// `u32` or `bool`.
    pub kind: &'static str,
    /// Its value unless another is chosen.
    pub default: &'static str,
}

/// The bindings of a text.
pub(super) fn bindings(text: &'static str) -> impl Iterator<Item = Binding> {
    text.lines().filter(|line| line.starts_with("@group")).map(|line| {
        binding(line).unwrap_or_else(|| panic!("a binding that is not declared as the others are: {line}"))
    })
}

fn binding(line: &'static str) -> Option<Binding> {
    let (group, rest) = line.strip_prefix("@group(")?.split_once(") @binding(")?;
    let (number, rest) = rest.split_once(") var")?;
    let (declared, shape) = rest.split_once(';')?;
    let (space, declared) = match declared.strip_prefix('<') {
        Some(rest) => rest.split_once("> ")?,
        None => ("", declared.strip_prefix(' ')?),
    };
    let (name, kind) = declared.split_once(": ")?;
    let access = match (space, kind) {
        ("uniform", _) => Access::Uniform,
        ("storage, read", _) => Access::Read,
        ("storage, read_write", _) => Access::Write,
        ("", "texture_storage_2d<rgba32float, read>") => Access::Texture,
        _ => return None,
    };
    let shape = shape.trim_start().trim_start_matches("// ");
    Some(Binding { group: group.parse().ok()?, number: number.parse().ok()?, access, name, kind, shape })
}

/// The constants of a text.
pub(super) fn constants(text: &'static str) -> impl Iterator<Item = Constant> {
    text.lines().filter_map(|line| {
        let (declared, _) = line.strip_prefix("override ")?.split_once(';')?;
        let (name, value) = declared.split_once(": ")?;
        let (kind, default) = value.split_once(" = ")?;
        Some(Constant { name, kind, default: default.trim_end_matches('u') })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_is_read_with_its_shape() {
        let line = "@group(0) @binding(3) var<storage, read_write> c: array<vec4<f32>>;  // [slices, m, n]";
        let (access, name, kind) = (Access::Write, "c", "array<vec4<f32>>");
        let wanted = Binding { group: 0, number: 3, access, name, kind, shape: "[slices, m, n]" };
        assert_eq!(binding(line), Some(wanted));
        let line = "@group(0) @binding(0) var<uniform> p: Product;";
        assert_eq!(
            binding(line).map(|b| (b.access, b.kind, b.shape)),
            Some((Access::Uniform, "Product", ""))
        );
        let line = "@group(0) @binding(2) var a: texture_storage_2d<rgba32float, read>;  // [m, k]";
        assert_eq!(binding(line).map(|b| (b.access, b.shape)), Some((Access::Texture, "[m, k]")));
    }

    #[test]
    fn other_memory_is_no_binding_of_a_kernel() {
        for kind in ["<storage, write> a: array<f32>", "<private> a: f32", " a: texture_2d<f32>"] {
            assert_eq!(binding(format!("@group(0) @binding(1) var{kind};  // [m]").leak()), None);
        }
    }

    #[test]
    fn constants_have_a_type_and_a_value() {
        let found: Vec<_> =
            constants("override WORKGROUP: u32 = 64u;\noverride A: bool = false;  // b\n").collect();
        let wanted = [("WORKGROUP", "u32", "64"), ("A", "bool", "false")];
        assert_eq!(found, wanted.map(|(name, kind, default)| Constant { name, kind, default }));
    }
}
