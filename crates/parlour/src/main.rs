//! The binary `parlour`: everything is in the library, so that tests reach it.

/// Gives back what a herd needed, and lays what is small side by side: an idle connection costs a third less than with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    parlour::cli::run()
}
