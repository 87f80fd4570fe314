// SPDX-License-Identifier: Apache-2.0
// L3: Mamba over rows that come whole: selective scans in several orders, whose results are added up.
#pragma once
#include "layers/convolve.hpp"

namespace weft::detail {

/// One of the orders, and what is its own in it. The same weights may be in several.
struct ScanDirection {
    uint32_t view = 0;               ///< of the stage; 0: the rows as the block has them
    ConvolveSpec conv;               ///< over the rows in this order; without a weight: none
    Linear x;                        ///< rows: dt [rank] | B [N] | C [N]
    Linear dt;                       ///< [inner, rank], without its bias: the scan adds that in fp32
    WeightId parameters = kNoWeight; ///< f32 [inner * (N + 2)]: A [inner, N] (-exp(A_log)), D [inner], dt_bias [inner]
};

/// What becomes of z: nothing, there is none; a factor act(z) (Mamba); columns behind those of y, convolved as x is
/// (MambaVision).
enum class ScanGate : uint32_t { none, product, columns };

/// x | z = in(rows);  x = conv(x);  y = norm(sum over directions of scan(x));  out(y with z).
struct CrossScanSpec {
    static constexpr const char* name = "cross_scan";
    static constexpr uint32_t colour = 0x8fc1a9;

    uint32_t inner = 0, state_size = 0, rank = 0;
    ScanGate gate = ScanGate::product;
    kernel::Activation activation = kernel::Activation::silu; ///< of a factor z
    Linear in;                                                ///< rows: x [inner], with a gate | z [inner]
    ConvolveSpec conv; ///< over the rows as the block has them; without a weight: none
    std::vector<ScanDirection> directions;
    /// f32 [5, N], PlainMamba's: what the way to a place of an order (ViewRows::turns) adds to B. dt, B and C are then
    /// those of the place, whichever row stands in it.
    WeightId turns = kNoWeight;
    Norm norm;
    Linear out;

    void fields(Fields& f, const Widths& w);
    bool sees_ahead() const { return true; } // no state is kept
    void lower(LayerContext& c, const vk::Tensor& x, const Destination& to) const;
    void work(WorkCounter& w) const;
    void limits(Limits& l) const;
    std::string words() const;
};

} // namespace weft::detail
