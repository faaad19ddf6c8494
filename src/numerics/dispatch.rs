//! Functions compiled for the widest vectors that the CPU has, chosen at run time.
//!
//! Each is written once, as plain loops, and compiled several times; all versions perform the same IEEE 754
//! operations in the same order, so they give the same bits.

/// Defines a function and its copies for wider vectors, and calls the widest that the CPU runs.
///
/// Names in square brackets are sizes: constants that the function is compiled for.
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
                if std::arch::is_x86_feature_detected!("avx512dq") && std::arch::is_x86_feature_detected!("avx512vl") {
                    // SAFETY: the CPU has the features (avx512dq and avx512vl imply avx512f and avx2).
                    return unsafe { avx512($($arg),*) };
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the CPU has the feature.
                    return unsafe { avx2($($arg),*) };
                }
            }
            $body($($arg),*)
        }
    };
}
pub(crate) use dispatched;
