// An answer that says one thing and is closed, for tests of watches.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/stream.h"

namespace skiff::cli {

class OneSaying final : public http::StreamSource {
 public:
  explicit OneSaying(std::string text) : text_(std::move(text)) {}
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>& out) override {
    if (!text_.empty()) out.push_back(std::make_shared<const std::string>(std::move(text_)));
    text_.clear();
    return http::Pulled::kEnd;
  }

 private:
  std::string text_;
};

}  // namespace skiff::cli
