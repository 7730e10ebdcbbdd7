// A stream that tells when it is dropped.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "http/stream.h"

namespace skiff {

class FollowedStream final : public http::StreamSource {
 public:
  FollowedStream(std::unique_ptr<http::StreamSource> inner, std::function<void()> dropped)
      : inner_(std::move(inner)), dropped_(std::move(dropped)) {}
  ~FollowedStream() override {
    inner_.reset();
    dropped_();
  }
  void Attach(http::Waker waker) override { inner_->Attach(std::move(waker)); }
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override {
    return inner_->Pull(bytes_max, out);
  }
  bool GivesHanded() const override { return inner_->GivesHanded(); }
  http::Pulled PullHanded(size_t bytes_max, http::HandedObjects& objects,
                          std::vector<http::SharedBytes>& out) override {
    return inner_->PullHanded(bytes_max, objects, out);
  }
  int PullEveryMs() const override { return inner_->PullEveryMs(); }
  bool EndsByItself() const override { return inner_->EndsByItself(); }

 private:
  std::unique_ptr<http::StreamSource> inner_;
  const std::function<void()> dropped_;
};

}  // namespace skiff
