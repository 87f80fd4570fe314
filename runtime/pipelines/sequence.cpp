// SPDX-License-Identifier: Apache-2.0
// L6: Sequence: a session of one slot.
#include "pipelines/model_state.hpp"

namespace weft {
using namespace detail;

Result<std::unique_ptr<Session>> detail::make_session(const Model& model, const SequenceOptions& options,
                                                      uint32_t held) {
    const ModelState& state = Access::state(model);
    SessionOptions session;
    session.end_tokens = state.defaults.end_tokens;
    session.context = options.context;
    session.held = held;
    if (state.reading) session.before = kMostPatches;
    session.kv_dtype = kv_type(options.cache, state.loaded->weights.all());
    return Session::create(state.loaded, session);
}

Result<Sequence> Sequence::create(const Model& model, const SequenceOptions& options) try {
    weft_ASSIGN(auto session, make_session(model, options));
    return Sequence(std::make_shared<SequenceState>(SequenceState{model, options, std::move(session)}));
}
weft_CATCH

Status Sequence::feed(std::span<const uint32_t> ids) try {
    const Feed feed{0, ids};
    return state_->session->forward({&feed, 1}, Want::nothing);
}
weft_CATCH

void Sequence::reset() { state_->session->reset(0); }

Result<Sequence> Sequence::fork() const {
    weft_ASSIGN(const Snapshot now, snapshot());
    weft_ASSIGN(Sequence other, create(state_->model, state_->options));
    weft_TRY(other.restore(now));
    return other;
}

Result<Sequence::Snapshot> Sequence::snapshot() const try {
    weft_ASSIGN(auto taken, state_->session->snapshot(0));
    return Access::make<Snapshot>(
        std::make_shared<const SnapshotState>(SnapshotState{state_->model, std::move(taken)}));
}
weft_CATCH

Status Sequence::restore(const Snapshot& snapshot) try {
    return state_->session->restore(0, Access::state(snapshot).snapshot);
}
weft_CATCH

Status Sequence::truncate(uint32_t length) try { return state_->session->truncate(0, length); }
weft_CATCH

bool Sequence::can_truncate() const { return state_->session->can_truncate(); }
const Model& Sequence::model() const { return state_->model; }
uint32_t Sequence::length() const { return state_->session->length(0); }
uint32_t Sequence::context() const { return state_->session->options().context; }
uint64_t Sequence::state_bytes() const { return state_->session->state_bytes(); }
uint64_t Sequence::activation_bytes() const { return state_->session->activation_bytes(); }

uint32_t Sequence::Snapshot::length() const { return state_->snapshot.length; }
uint64_t Sequence::Snapshot::bytes() const { return state_->snapshot.bytes; }

} // namespace weft
