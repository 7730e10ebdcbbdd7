// Streams that tests answer with.
#pragma once

#include <atomic>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http/message.h"

namespace skiff::http::testing {

// Chunks that a test pushes, from its own thread.
struct PushedStream {
  void Push(const std::string& chunk) {
    Waker wake;
    {
      std::lock_guard lock(mutex);
      chunks.push_back(std::make_shared<const std::string>(chunk));
      wake = waker;
    }
    if (wake) wake();
  }
  void End() {
    {
      std::lock_guard lock(mutex);
      ended = true;
    }
    Push("");
  }
  std::mutex mutex;
  std::deque<SharedBytes> chunks;
  bool ended = false;
  bool ends_by_itself = false;  // Known before it is streamed.
  Waker waker;
  std::atomic<int> pulls = 0;
  std::promise<void> gone;
};

class PushedSource : public StreamSource {
 public:
  explicit PushedSource(PushedStream& stream, int every_ms = 0)
      : stream_(stream), every_ms_(every_ms) {}
  ~PushedSource() override { stream_.gone.set_value(); }
  void Attach(Waker waker) override {
    std::lock_guard lock(stream_.mutex);
    stream_.waker = std::move(waker);
  }
  Pulled Pull(size_t, std::vector<SharedBytes>& out) override {
    std::lock_guard lock(stream_.mutex);
    ++stream_.pulls;
    stream_.pulls.notify_all();
    out.insert(out.end(), stream_.chunks.begin(), stream_.chunks.end());
    stream_.chunks.clear();
    return stream_.ended ? Pulled::kEnd : Pulled::kIdle;
  }
  int PullEveryMs() const override { return every_ms_; }
  bool EndsByItself() const override { return stream_.ends_by_itself; }

 private:
  PushedStream& stream_;
  const int every_ms_;
};

// Never runs dry.
class EndlessSource : public StreamSource {
 public:
  explicit EndlessSource(std::atomic<size_t>& pulled) : pulled_(pulled) {}
  void Attach(Waker) override {}
  Pulled Pull(size_t bytes_max, std::vector<SharedBytes>& out) override {
    out.push_back(std::make_shared<const std::string>(bytes_max, 'x'));
    pulled_ += bytes_max;
    return Pulled::kMore;
  }

 private:
  std::atomic<size_t>& pulled_;
};

// Sends back what it gets, and ends when the peer does.
class EchoDuplex : public Duplex {
 public:
  explicit EchoDuplex(bool half_close = true) : half_close_(half_close) {}
  void Attach(Waker) override {}
  Pulled Pull(size_t, std::vector<SharedBytes>& out) override {
    if (!bytes_.empty()) out.push_back(std::make_shared<const std::string>(std::move(bytes_)));
    bytes_ = {};
    return closed_ ? Pulled::kEnd : Pulled::kIdle;
  }
  size_t OnBytes(std::string_view bytes) override {
    bytes_ += bytes;
    return bytes.size();
  }
  void OnPeerClosed() override { closed_ = true; }
  bool KeepsReading() const override { return half_close_; }

 private:
  const bool half_close_;
  std::string bytes_;
  bool closed_ = false;
};

inline Response Streamed(std::unique_ptr<StreamSource> source) {
  Response response;
  response.stream = std::move(source);
  return response;
}

}  // namespace skiff::http::testing
