//! Functions compiled for the widest vectors that the CPU has, chosen at run time.
//!
//! Each function is written once, as plain loops, and compiled for several instruction sets. All
//! versions perform the same IEEE 754 operations in the same order, so they give the same bits.

/// Vector widths, from narrow to wide.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Vectors {
    /// 128 bits, which every x86-64 CPU has.
    Sse2,
    /// 256 bits.
    Avx2,
    /// 512 bits.
    Avx512,
}

/// The widest vectors that the CPU has. Builds for tests can lower the limit with the variable
/// `LAWFIT_VECTORS`.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn widest() -> Vectors {
    static WIDEST: std::sync::LazyLock<Vectors> = std::sync::LazyLock::new(|| {
        let of_cpu =
            if std::arch::is_x86_feature_detected!("avx512dq") && std::arch::is_x86_feature_detected!("avx512vl") {
                Vectors::Avx512
            } else if std::arch::is_x86_feature_detected!("avx2") {
                Vectors::Avx2
            } else {
                Vectors::Sse2
            };
        let asked = fail::has_failpoints().then(|| std::env::var("LAWFIT_VECTORS").ok()).flatten();
        match asked.as_deref() {
            Some("sse2") => Vectors::Sse2,
            Some("avx2") => of_cpu.min(Vectors::Avx2),
            _ => of_cpu,
        }
    });
    *WIDEST
}

/// The name of the vector width in use. Results do not depend on it.
pub fn vectors() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    let width = match widest() {
        Vectors::Sse2 => "vectors of 128 bits (SSE2)",
        Vectors::Avx2 => "vectors of 256 bits (AVX2)",
        Vectors::Avx512 => "vectors of 512 bits (AVX-512)",
    };
    #[cfg(not(target_arch = "x86_64"))]
    let width = "vectors as compiled";
    width
}

/// Defines a function and its copies for wider vectors; a call runs the widest copy that the CPU
/// supports.
///
/// Names in square brackets are constants for which the function is compiled.
macro_rules! dispatched {
    ($(#[$doc:meta])* $vis:vis fn $name:ident $([$($size:ident),*])? ($($arg:ident: $type:ty),* $(,)?) = $body:path) => {
        $(#[$doc])*
        #[inline]
        #[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "calls a version only where its features were detected"))]
        $vis fn $name $(<$(const $size: usize),*>)? ($($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2")]
                fn avx512 $(<$(const $size: usize),*>)? ($($arg: $type),*) { $body($($arg),*) }
                #[target_feature(enable = "avx2")]
                fn avx2 $(<$(const $size: usize),*>)? ($($arg: $type),*) { $body($($arg),*) }
                match $crate::numerics::dispatch::widest() {
                    // SAFETY: `widest` detected these features (avx512dq and avx512vl imply avx512f
                    // and avx2).
                    $crate::numerics::dispatch::Vectors::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: `widest` detected this feature.
                    $crate::numerics::dispatch::Vectors::Avx2 => return unsafe { avx2($($arg),*) },
                    $crate::numerics::dispatch::Vectors::Sse2 => {}
                }
            }
            $body($($arg),*)
        }
    };
}
pub(crate) use dispatched;
