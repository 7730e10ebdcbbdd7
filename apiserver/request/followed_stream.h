// Answers that go on after they have begun, and what is to be known when they are over.
//
//   KeepUntilOver(load->TakeAnswering("alice"), response);   // Hers until it ends, or she leaves.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"
#include "http/stream.h"

namespace skiff {

// A stream that tells when it is dropped.
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

// The same both ways.
class FollowedDuplex final : public http::Duplex {
 public:
  FollowedDuplex(std::unique_ptr<http::Duplex> inner, std::function<void()> dropped)
      : inner_(std::move(inner)), dropped_(std::move(dropped)) {}
  ~FollowedDuplex() override {
    inner_.reset();
    dropped_();
  }
  void Attach(http::Waker waker) override { inner_->Attach(std::move(waker)); }
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override {
    return inner_->Pull(bytes_max, out);
  }
  int PullEveryMs() const override { return inner_->PullEveryMs(); }
  bool EndsByItself() const override { return inner_->EndsByItself(); }
  size_t OnBytes(std::string_view bytes) override { return inner_->OnBytes(bytes); }
  void OnPeerClosed() override { inner_->OnPeerClosed(); }
  bool KeepsReading() const override { return inner_->KeepsReading(); }

 private:
  std::unique_ptr<http::Duplex> inner_;
  const std::function<void()> dropped_;
};

// Holds `place` for as long as the answer is made, streamed or, after an upgrade, a tunnel; of one
// that is there as a whole it is let go at once.
void KeepUntilOver(std::shared_ptr<void> place, http::Response& response);

}  // namespace skiff
