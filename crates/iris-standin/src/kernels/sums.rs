//! Sums with registers of doubles: one text for every instruction set that has them.

/// Defines the four sums in the module of one instruction set, with its intrinsics: doubles of a register, the register,
/// zeros, addition, multiplication, loading doubles, loading singles, widening these, storing.
macro_rules! sums {
    ($feature:literal, $width:literal, $register:ty, $zeros:ident, $add:ident, $multiply:ident, $load_f64:ident,
     $load_singles:ident, $widen:ident, $store:ident) => {
        /// Doubles in a register.
        const WIDTH: usize = $width;

        #[target_feature(enable = $feature)]
        fn load_f64(source: &[f64; WIDTH]) -> $register {
            // SAFETY: the array is one register long; the instruction takes any alignment.
            unsafe { $load_f64(source.as_ptr()) }
        }

        #[target_feature(enable = $feature)]
        fn load_f32(source: &[f32; WIDTH]) -> $register {
            let pointer = source.as_ptr();
            // SAFETY: the array is half a register long; the instruction takes any alignment.
            unsafe { $widen($load_singles(pointer)) }
        }

        /// Writes registers into lanes.
        #[target_feature(enable = $feature)]
        fn store<const LANES: usize, const REGISTERS: usize>(registers: [$register; REGISTERS]) -> [f64; LANES] {
            let mut lanes = [0.0; LANES];
            for (register, target) in registers.into_iter().zip(lanes.as_chunks_mut::<WIDTH>().0) {
                // SAFETY: the array is one register long; the instruction takes any alignment.
                unsafe { $store(target.as_mut_ptr(), register) };
            }
            lanes
        }

        sums!(@element $feature, f32, dot_f32, products_f32, load_f32, $zeros, $add, $multiply);
        sums!(@element $feature, f64, dot_f64, products_f64, load_f64, $zeros, $add, $multiply);
    };
    (@element $feature:literal, $element:ty, $dot:ident, $products:ident, $load:ident, $zeros:ident, $add:ident,
     $multiply:ident) => {
        #[target_feature(enable = $feature)]
        pub(super) fn $dot(a: &[$element], b: &[$element]) -> f64 {
            let (a, b) = (cut(a, b.len()), cut(b, a.len()));
            let (a_chunks, a_rest) = a.as_chunks::<DOT_LANES>();
            let (b_chunks, b_rest) = b.as_chunks::<DOT_LANES>();
            let mut sums = [$zeros(); DOT_LANES / WIDTH];
            for (a, b) in a_chunks.iter().zip(b_chunks) {
                let pairs = a.as_chunks::<WIDTH>().0.iter().zip(b.as_chunks::<WIDTH>().0);
                for (sum, (a, b)) in sums.iter_mut().zip(pairs) {
                    *sum = $add(*sum, $multiply($load(a), $load(b)));
                }
            }
            let mut lanes = store::<DOT_LANES, _>(sums);
            add_dot(&mut lanes, a_rest.iter().map(|x| f64::from(*x)), b_rest.iter().map(|x| f64::from(*x)));
            reduce(lanes)
        }

        #[target_feature(enable = $feature)]
        pub(super) fn $products(a: &[$element], b: &[$element]) -> Products {
            let (a, b) = (cut(a, b.len()), cut(b, a.len()));
            let (a_chunks, a_rest) = a.as_chunks::<PRODUCT_LANES>();
            let (b_chunks, b_rest) = b.as_chunks::<PRODUCT_LANES>();
            let zeros = [$zeros(); PRODUCT_LANES / WIDTH];
            let (mut dots, mut aas, mut bbs) = (zeros, zeros, zeros);
            for (a, b) in a_chunks.iter().zip(b_chunks) {
                let pairs = a.as_chunks::<WIDTH>().0.iter().zip(b.as_chunks::<WIDTH>().0);
                for (((dot, aa), bb), (a, b)) in dots.iter_mut().zip(&mut aas).zip(&mut bbs).zip(pairs) {
                    let (a, b) = ($load(a), $load(b));
                    *dot = $add(*dot, $multiply(a, b));
                    *aa = $add(*aa, $multiply(a, a));
                    *bb = $add(*bb, $multiply(b, b));
                }
            }
            let mut lanes = ProductLanes { dot: store(dots), aa: store(aas), bb: store(bbs) };
            lanes.add(a_rest.iter().map(|x| f64::from(*x)), b_rest.iter().map(|x| f64::from(*x)));
            lanes.reduce()
        }
    };
}

pub(super) use sums;
