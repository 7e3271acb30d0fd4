//! The binary `parlour`: everything is in the library, so that tests reach it.

fn main() -> std::process::ExitCode {
    parlour::cli::run()
}
