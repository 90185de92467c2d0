//! Every shader without a GPU: it is plain core WGSL within the default limits of WebGPU, and its bindings, constants and
//! uniforms are those that the host takes from the table.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rhohat::bench::ceilings::shaders as ceilings;
use rhohat::engine::gpu::kernel::{ALL, Access, Binding, Host, Kernel};
use rhohat::engine::gpu::recording::RangeUniform;
use rhohat::engine::variant::Memory;
use rhohat::math::activation::Activation;
use wgpu::naga::front::wgsl;
use wgpu::naga::proc::Layouter;
use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};
use wgpu::naga::{
    AddressSpace, GlobalVariable, ImageClass, Module, ShaderStage, StorageAccess, StorageFormat,
    StructMember, TypeInner,
};

/// The limits of a device that asked for none, by the specification of WebGPU.
const STORAGE_BUFFERS: usize = 8;
const STORAGE_TEXTURES: usize = 4;
const WORKGROUP_BYTES: u32 = 16_384;
const INVOCATIONS: u32 = 256;

/// Those of training and those that measure ceilings alone.
fn all() -> impl Iterator<Item = &'static Kernel> {
    ALL.iter().chain(ceilings::ALL).copied()
}

/// A kernel as naga takes it, where all of it is written out and where not.
fn parsed(kernel: &Kernel) -> [Module; 2] {
    let software = Host { directives: false, ..Host::SOFTWARE };
    [Host::NAGA, software].map(|host| {
        let text = kernel.text(host);
        wgsl::parse_str(&text)
            .unwrap_or_else(|error| panic!("{}: {}", kernel.name, error.emit_to_string(&text)))
    })
}

fn parse(kernel: &Kernel) -> Module {
    let [module, _] = parsed(kernel);
    module
}

/// The bound global variables by group and binding.
fn bindings(module: &Module) -> Vec<(u32, u32, &GlobalVariable)> {
    let mut bound: Vec<_> = module
        .global_variables
        .iter()
        .filter_map(|(_, variable)| variable.binding.map(|at| (at.group, at.binding, variable)))
        .collect();
    bound.sort_by_key(|&(group, binding, _)| (group, binding));
    bound
}

/// Members and size of a uniform struct.
fn members<'m>(module: &'m Module, variable: &GlobalVariable) -> (&'m [StructMember], usize) {
    assert_eq!(variable.space, AddressSpace::Uniform);
    match &module.types[variable.ty].inner {
        TypeInner::Struct { members, span } => (members, *span as usize),
        other => panic!("the uniform is no struct but {other:?}"),
    }
}

/// Names and offsets.
fn offsets(members: &[StructMember]) -> Vec<(String, usize)> {
    members.iter().map(|member| (member.name.clone().unwrap(), member.offset as usize)).collect()
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

#[test]
fn every_shader_is_valid_and_only_those_that_say_so_need_a_feature() {
    for kernel in all() {
        for module in parsed(kernel) {
            let needed = match kernel.feature {
                None => Capabilities::empty(),
                Some("subgroups") => Capabilities::SUBGROUP,
                Some(other) => panic!("{}: a feature {other}", kernel.name),
            };
            let mut validator = Validator::new(ValidationFlags::all(), needed);
            if kernel.feature.is_some() {
                let stages = wgpu::naga::valid::ShaderStages::COMPUTE;
                let operations = wgpu::naga::valid::SubgroupOperationSet::all();
                validator.subgroup_stages(stages).subgroup_operations(operations);
            }
            if let Err(error) = validator.validate(&module) {
                panic!("{}: {}", kernel.name, error.emit_to_string(&kernel.text(Host::NAGA)));
            }
        }
    }
}

#[test]
fn a_feature_is_enabled_in_the_first_line_where_the_host_wants_it() {
    for kernel in all() {
        let [plain, specified] = [Host::NAGA, Host::SPECIFIED].map(|host| kernel.text(host));
        assert_eq!(specified.lines().count(), plain.lines().count(), "{}", kernel.name);
        let enable = kernel.feature.map(|feature| format!("enable {feature}; ")).unwrap_or_default();
        assert_eq!(specified, enable + &plain, "{}", kernel.name);
    }
}

#[test]
fn every_shader_has_one_compute_entry_named_main() {
    for kernel in all() {
        let module = parse(kernel);
        let entries: Vec<_> = module.entry_points.iter().map(|e| (e.name.as_str(), e.stage)).collect();
        assert_eq!(entries, [("main", ShaderStage::Compute)], "{}", kernel.name);
    }
}

#[test]
fn the_host_reads_the_bindings_that_the_compiler_finds() {
    for kernel in all() {
        let module = parse(kernel);
        let found: Vec<_> = bindings(&module)
            .into_iter()
            .map(|(group, number, variable)| {
                (group, number, variable.name.as_deref().unwrap(), variable.space)
            })
            .collect();
        let wanted = |&Binding { group, number, access, name, .. }: &Binding| {
            let space = match access {
                Access::Uniform => AddressSpace::Uniform,
                Access::Read => AddressSpace::Storage { access: StorageAccess::LOAD },
                Access::Write => AddressSpace::Storage { access: StorageAccess::LOAD | StorageAccess::STORE },
                Access::Texture => AddressSpace::Handle,
            };
            (group, number, name, space)
        };
        assert_eq!(found, kernel.bindings().iter().map(wanted).collect::<Vec<_>>(), "{}", kernel.name);
        assert_eq!(found[0].1, 0, "{}: the uniform comes first", kernel.name);
    }
}

#[test]
fn the_host_reads_the_constants_that_the_compiler_finds() {
    for kernel in all() {
        let module = parse(kernel);
        let mut found: Vec<_> = module.overrides.iter().map(|(_, o)| o.name.as_deref().unwrap()).collect();
        let constants = kernel.constants();
        let mut wanted: Vec<_> = constants.iter().map(|constant| constant.name).collect();
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{}", kernel.name);
        for constant in constants.iter().filter(|constant| constant.name == "WORKGROUP") {
            let set = kernel.values_of(constant);
            assert_eq!(constant.default.parse(), Ok(kernel.workgroup), "{}: its own default", kernel.name);
            assert_eq!(set, [f64::from(kernel.workgroup)], "{}", kernel.name);
        }
    }
}

#[test]
fn group_one_holds_the_begin_of_the_range_alone() {
    for kernel in all() {
        let module = parse(kernel);
        let bound = bindings(&module);
        assert!(bound.iter().all(|&(group, ..)| group <= 1), "{}", kernel.name);
        let range: Vec<_> = bound.iter().filter(|&&(group, ..)| group == 1).collect();
        let [(_, 0, variable)] = range[..] else { panic!("{}: not one binding", kernel.name) };
        let (members, _) = members(&module, variable);
        let twin = fields(&format!("{:?}", RangeUniform::default()));
        assert_eq!(offsets(members), twin.into_iter().zip((0..).step_by(4)).collect::<Vec<_>>());
    }
}

#[test]
fn textures_are_of_four_floats_and_only_read() {
    for kernel in all().filter(|kernel| kernel.memory() == Memory::Textures) {
        let module = parse(kernel);
        let textures = bindings(&module).into_iter().filter(|(.., v)| v.space == AddressSpace::Handle);
        for (.., variable) in textures {
            let TypeInner::Image { class, .. } = module.types[variable.ty].inner else {
                panic!("{}: a handle that is no image", kernel.name)
            };
            let wanted =
                ImageClass::Storage { format: StorageFormat::Rgba32Float, access: StorageAccess::LOAD };
            assert_eq!(class, wanted, "{}", kernel.name);
        }
    }
}

/// A matrix is read from one memory by a kernel: those that have both are two kernels.
#[test]
fn products_read_the_memory_of_their_kind() {
    for (kernel, (product, _)) in all().filter_map(|kernel| Some((kernel, kernel.product?))) {
        assert_eq!(kernel.memory(), product.memory(), "{}", kernel.name);
        let of_kind = |binding: &&Binding| {
            (binding.access == Access::Texture) == (product.memory() == Memory::Textures)
        };
        // What is read once an element, and rates, need no texture.
        let is_factor = |binding: &&Binding| binding.number < 5 || !kernel.file.starts_with("gradients");
        let read = kernel.tensors().filter(|binding| binding.access != Access::Write).filter(is_factor);
        assert!(read.collect::<Vec<_>>().iter().all(of_kind), "{}", kernel.name);
    }
}

#[test]
fn uniform_structs_have_the_names_offsets_and_size_of_their_twins() {
    for kernel in all() {
        let module = parse(kernel);
        let (.., variable) = bindings(&module)[0];
        let (members, span) = members(&module, variable);
        // Every field before the last is four bytes wide.
        let wanted: Vec<_> =
            (0..).step_by(4).zip(fields(&(kernel.uniform.debug)())).map(|(at, name)| (name, at)).collect();
        assert_eq!(offsets(members), wanted, "{}", kernel.name);
        assert_eq!(span, kernel.uniform.size, "{}: size", kernel.name);
    }
}

/// Whoever opens a device without asking for more can run every kernel.
#[test]
fn every_kernel_stays_within_the_default_limits_of_webgpu() {
    for kernel in all() {
        for module in parsed(kernel) {
            let of =
                |is: fn(AddressSpace) -> bool| bindings(&module).iter().filter(|(.., v)| is(v.space)).count();
            let buffers = of(|space| matches!(space, AddressSpace::Storage { .. }));
            let textures = of(|space| space == AddressSpace::Handle);
            let mut layouter = Layouter::default();
            layouter.update(module.to_ctx()).unwrap();
            let shared = module.global_variables.iter().filter(|(_, v)| v.space == AddressSpace::WorkGroup);
            let bytes: u32 = shared.map(|(_, variable)| layouter[variable.ty].size).sum();
            let name = kernel.name;
            assert!(buffers <= STORAGE_BUFFERS, "{name}: {buffers} storage buffers");
            assert!(textures <= STORAGE_TEXTURES, "{name}: {textures} storage textures");
            assert!(bytes <= WORKGROUP_BYTES, "{name}: {bytes} bytes of workgroup memory");
            assert!(kernel.workgroup <= INVOCATIONS, "{name}: {} invocations", kernel.workgroup);
            assert!(bindings(&module).iter().all(|&(group, ..)| group < 4), "{name}: groups");
        }
    }
}

#[test]
fn every_tensor_states_its_shape() {
    for kernel in all() {
        for binding in kernel.tensors() {
            let shape = binding.shape;
            assert!(shape.starts_with('[') && shape.ends_with(']'), "{}: {binding:?}", kernel.name);
        }
    }
}

#[test]
fn every_file_is_used_and_every_kernel_is_in_the_file_that_it_names() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut used = BTreeSet::new();
    for path in ["", "epilogue", "bench"].iter().flat_map(|sub| files(&folder.join(sub))) {
        let text = fs::read_to_string(&path).unwrap();
        let file = path.strip_prefix(&folder).unwrap().with_extension("");
        let file = file.to_str().unwrap().to_owned();
        let joined = |kernel: &&Kernel| {
            let of = |host| kernel.text(host).contains(&text);
            of(Host::NAGA) || of(Host::SOFTWARE)
        };
        let kernels: Vec<_> = all().filter(joined).collect();
        assert!(!kernels.is_empty(), "{file} is part of no kernel");
        let is_part = file.starts_with('_') || file.starts_with("epilogue/");
        assert_eq!(kernels.iter().any(|kernel| kernel.file == file), !is_part, "{file}");
        used.insert(file);
    }
    assert!(all().all(|kernel| used.contains(kernel.file)));
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "wgsl")).collect()
}

#[test]
fn every_kernel_of_training_is_checked_against_a_function_of_the_reference() {
    let reference = include_str!("../../src/engine/reference/kernels.rs");
    for kernel in ALL.iter() {
        let name = kernel.reference.unwrap_or_else(|| panic!("{} has no reference", kernel.name));
        assert!(reference.contains(&format!("pub fn {name}(")), "{}: {name}", kernel.name);
    }
}

#[test]
fn names_are_those_of_one_kernel() {
    let names: BTreeSet<_> = all().map(|kernel| kernel.name).collect();
    assert_eq!(names.len(), all().count());
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
