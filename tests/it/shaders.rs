//! Every shader without a GPU: it is plain core WGSL, and its bindings and uniforms are those of its Rust twin.

use std::fs;
use std::path::Path;

use rhohat::bench::ceilings::shaders as ceilings;
use rhohat::engine::gpu::kernel::tile::Unrolled;
use rhohat::engine::gpu::kernel::{ALL, Access, Kernel, Memory};
use rhohat::engine::gpu::recording::RangeUniform;
use rhohat::math::activation::Activation;
use wgpu::naga::front::wgsl;
use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};
use wgpu::naga::{
    AddressSpace, GlobalVariable, ImageClass, Module, ShaderStage, StorageAccess, StorageFormat,
    StructMember, TypeInner,
};

const MEMORIES: [Memory; 2] = [Memory::Buffers, Memory::Textures];

/// Those of training and those that measure ceilings alone.
fn all() -> impl Iterator<Item = &'static Kernel> {
    ALL.iter().chain(ceilings::ALL).copied()
}

fn parse(kernel: &Kernel, memory: Memory) -> Module {
    let text = kernel.text(memory, Unrolled::All);
    wgsl::parse_str(&text).unwrap_or_else(|error| panic!("{}: {}", kernel.name, error.emit_to_string(&text)))
}

/// The global variables of group 0 in the order of their bindings.
fn bindings(module: &Module) -> Vec<&GlobalVariable> {
    bindings_of(module, 0)
}

fn bindings_of(module: &Module, group: u32) -> Vec<&GlobalVariable> {
    let mut bound: Vec<_> = module
        .global_variables
        .iter()
        .filter_map(|(_, variable)| variable.binding.map(|binding| (binding, variable)))
        .filter(|(binding, _)| binding.group == group)
        .collect();
    bound.sort_by_key(|(binding, _)| binding.binding);
    for (expected, (binding, _)) in (0..).zip(&bound) {
        assert_eq!(binding.binding, expected);
    }
    bound.into_iter().map(|(_, variable)| variable).collect()
}

/// Members and size of the uniform struct at binding 0.
fn uniform(module: &Module) -> (&[StructMember], usize) {
    let variable = bindings(module)[0];
    assert_eq!(variable.space, AddressSpace::Uniform);
    match &module.types[variable.ty].inner {
        TypeInner::Struct { members, span } => (members, *span as usize),
        other => panic!("the uniform is no struct but {other:?}"),
    }
}

/// The names of a struct's fields, from its `Debug` form without its inner arrays.
fn fields(debug: &str) -> Vec<String> {
    let mut depth = 0;
    let mut flat = String::new();
    for letter in debug.chars() {
        match letter {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ if depth == 0 => flat.push(letter),
            _ => {}
        }
    }
    let inside = flat.split_once('{').expect("a struct").1.trim_end_matches('}');
    inside.split(',').map(|field| field.split(':').next().unwrap().trim().to_owned()).collect()
}

#[test]
fn fields_are_found_behind_arrays_too() {
    assert_eq!(fields("P { a: 0, b: 1.5, c: [[0, 0], [1, 2]] }"), ["a", "b", "c"]);
}

/// Subgroups for the generated tiles, nothing for all others.
fn capabilities(kernel: &Kernel) -> Capabilities {
    if kernel.needs_subgroups() { Capabilities::SUBGROUP } else { Capabilities::empty() }
}

#[test]
fn every_shader_is_valid_and_only_broadcasts_need_a_capability() {
    for kernel in all() {
        for memory in MEMORIES {
            let mut validator = Validator::new(ValidationFlags::all(), capabilities(kernel));
            if kernel.needs_subgroups() {
                let stages = wgpu::naga::valid::ShaderStages::COMPUTE;
                let operations = wgpu::naga::valid::SubgroupOperationSet::all();
                validator.subgroup_stages(stages).subgroup_operations(operations);
            }
            if let Err(error) = validator.validate(&parse(kernel, memory)) {
                panic!("{}: {}", kernel.name, error.emit_to_string(&kernel.text(memory, Unrolled::All)));
            }
        }
    }
}

#[test]
fn every_shader_has_one_compute_entry_named_main() {
    for kernel in all() {
        let module = parse(kernel, Memory::Buffers);
        let entries: Vec<_> = module.entry_points.iter().map(|e| (e.name.as_str(), e.stage)).collect();
        assert_eq!(entries, [("main", ShaderStage::Compute)], "{}", kernel.name);
    }
}

#[test]
fn tensors_have_the_order_and_access_of_the_table() {
    for kernel in all() {
        for memory in MEMORIES {
            let module = parse(kernel, memory);
            let found: Vec<_> = bindings(&module)[1..].iter().map(|variable| variable.space).collect();
            let mut wanted: Vec<_> = kernel.bindings.iter().map(|&access| space(access, memory)).collect();
            if memory == Memory::Textures {
                let updates = kernel.bindings.iter().filter(|access| matches!(access, Access::Update(_)));
                wanted.extend(updates.map(|_| AddressSpace::Handle));
            }
            assert_eq!(found, wanted, "{} in {memory:?}", kernel.name);
        }
    }
}

fn space(access: Access, memory: Memory) -> AddressSpace {
    match (access, memory) {
        (Access::Read(..), Memory::Textures) => AddressSpace::Handle,
        (Access::Read(..) | Access::Scalars, _) => AddressSpace::Storage { access: StorageAccess::LOAD },
        (Access::Write | Access::Update(_), _) => {
            AddressSpace::Storage { access: StorageAccess::LOAD | StorageAccess::STORE }
        }
    }
}

#[test]
fn group_one_holds_the_begin_of_the_range_alone() {
    for kernel in all() {
        let module = parse(kernel, Memory::Buffers);
        assert!(module.global_variables.iter().all(|(_, v)| v.binding.is_none_or(|b| b.group <= 1)));
        let [variable] = bindings_of(&module, 1)[..] else { panic!("{}: not one binding", kernel.name) };
        let TypeInner::Struct { members, .. } = &module.types[variable.ty].inner else { panic!("no struct") };
        let found: Vec<_> = members.iter().map(|m| (m.name.clone().unwrap(), m.offset as usize)).collect();
        let twin = format!("{:?}", RangeUniform::default());
        assert_eq!(found, fields(&twin).into_iter().zip((0..).step_by(4)).collect::<Vec<_>>());
        assert_eq!(variable.space, AddressSpace::Uniform);
    }
}

#[test]
fn textures_are_of_four_floats_and_only_read() {
    for kernel in all() {
        let module = parse(kernel, Memory::Textures);
        for variable in bindings(&module).iter().filter(|variable| variable.space == AddressSpace::Handle) {
            let TypeInner::Image { class, .. } = module.types[variable.ty].inner else {
                panic!("{}: a handle that is no image", kernel.name)
            };
            let wanted =
                ImageClass::Storage { format: StorageFormat::Rgba32Float, access: StorageAccess::LOAD };
            assert_eq!(class, wanted, "{}", kernel.name);
        }
    }
}

#[test]
fn uniform_structs_have_the_names_offsets_and_size_of_their_twins() {
    for kernel in all() {
        let module = parse(kernel, Memory::Buffers);
        let (members, span) = uniform(&module);
        let found: Vec<_> = members.iter().map(|m| (m.name.clone().unwrap(), m.offset as usize)).collect();
        // Every field before the last is four bytes wide.
        let wanted: Vec<_> =
            (0..).step_by(4).zip(fields(&(kernel.uniform.debug)())).map(|(at, name)| (name, at)).collect();
        assert_eq!(found, wanted, "{}", kernel.name);
        assert_eq!(span, kernel.uniform.size, "{}: size", kernel.name);
    }
}

#[test]
fn every_tensor_states_its_shape() {
    for kernel in all() {
        let text = kernel.text(Memory::Textures, Unrolled::All);
        let storage = ["var<storage", "texture_storage_2d"];
        for line in text.lines().filter(|line| storage.iter().any(|kind| line.contains(kind))) {
            assert!(line.contains("// [") || line.ends_with("// as it was"), "{}: {line}", kernel.name);
        }
    }
}

#[test]
fn every_shader_file_is_in_the_table_and_named_like_its_row() {
    assert_eq!(files("shaders"), names(ALL));
    assert_eq!(files("shaders/bench"), names(ceilings::ALL));
}

/// Layers and deltas are the texts of their products with another part.
fn names(kernels: &[&Kernel]) -> Vec<String> {
    let ends = ["layer_n", "output_delta_n", "hidden_delta_n"];
    let file = |kernel: &&Kernel| {
        let name = kernel.name.trim_start_matches("bench/").to_owned();
        let name = ends.iter().fold(name, |name, end| name.replace(end, "matmul_n"));
        name.replace("_sliced", "").replace("_nt_slices", "_slices").replace("_nn_slices", "_slices")
    };
    let mut names: Vec<String> = kernels.iter().map(file).collect();
    names.sort();
    names.dedup();
    names
}

fn files(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| {
            entry.unwrap().file_name().into_string().unwrap().strip_suffix(".wgsl").map(str::to_owned)
        })
        .filter(|name| !name.starts_with('_'))
        .collect();
    files.sort();
    files
}

#[test]
fn every_kernel_has_its_function_in_the_reference() {
    let reference = include_str!("../../src/engine/reference/kernels.rs");
    for kernel in ALL {
        assert!(reference.contains(&format!("pub fn {}(", kernel.twin())), "{}", kernel.name);
    }
}

#[test]
fn every_activation_has_its_arm_in_the_shared_part_and_an_unknown_one_gives_no_number() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders/_activation.wgsl")).unwrap();
    for (number, f) in Activation::ALL.into_iter().enumerate() {
        assert_eq!(f as usize, number, "{}", f.name());
        let arms = text.matches(&format!("case {number}u:")).count();
        assert_eq!(arms, 2, "{}: of the function and of its slope", f.name());
    }
    assert_eq!(text.matches("default: { return not_a_number(").count(), 2);
}
