// Internal to http/.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "http/stream.h"

namespace skiff::http {

// A Duplex that somebody else may still hold, as std::function wants its captures.
class SharedDuplex final : public Duplex {
 public:
  explicit SharedDuplex(std::shared_ptr<Duplex> duplex) : duplex_(std::move(duplex)) {}
  void Attach(Waker waker) override { duplex_->Attach(std::move(waker)); }
  Pulled Pull(size_t bytes_max, std::vector<SharedBytes>& out) override {
    return duplex_->Pull(bytes_max, out);
  }
  int PullEveryMs() const override { return duplex_->PullEveryMs(); }
  size_t OnBytes(std::string_view bytes) override { return duplex_->OnBytes(bytes); }
  void OnPeerClosed() override { duplex_->OnPeerClosed(); }
  bool KeepsReading() const override { return duplex_->KeepsReading(); }

 private:
  const std::shared_ptr<Duplex> duplex_;
};

}  // namespace skiff::http
