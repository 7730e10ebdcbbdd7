// A bounded queue of bytes between two connections, which may live in different loops. One writer,
// one reader; every method on any thread. Neither side ever waits: wakers tell when to come back.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.h"
#include "http/stream.h"

namespace skiff::http {

class Pipe {
 public:
  explicit Pipe(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Called when there is room again after there was none, and when the reader leaves.
  void OnRoom(Waker waker);
  // How much to write at most; everything once the reader has left, to be thrown away.
  size_t Room() const;
  void Write(std::string bytes);
  // Takes as much as there is room for, and says how much: whoever is left with a rest is told of
  // room, however soon the reader has made it. (Room and Write are not enough for that: between
  // them a reader may take all that stood there, and then nothing is full that could have room
  // again.)
  size_t Offer(std::string_view bytes);
  // Nothing more comes. Out of order: the reader's connection is to be cut. The first call counts.
  void End(bool in_order) { EndAs(in_order, ""); }
  // Out of order, for a reason.
  void Break(std::string why) { EndAs(false, std::move(why)); }
  // Why it ended out of order; "": nothing is known of that.
  std::string fault() const;
  bool reader_left() const;

  // Called when there is something to pull.
  void OnData(Waker waker);
  Pulled Pull(size_t bytes_max, std::vector<SharedBytes>& out);
  void Leave();

 private:
  void EndAs(bool in_order, std::string fault);
  size_t RoomLocked() const REQUIRES(mutex_);
  // The waker of who reads.
  Waker Add(std::string bytes) REQUIRES(mutex_);

  const size_t bytes_max_;
  mutable Mutex mutex_;
  // Nobody else has them yet, so that small ones may grow.
  std::deque<std::shared_ptr<std::string>> pieces_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  bool was_full_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;
  bool in_order_ GUARDED_BY(mutex_) = true;
  std::string fault_ GUARDED_BY(mutex_);
  bool left_ GUARDED_BY(mutex_) = false;
  Waker on_room_ GUARDED_BY(mutex_);
  Waker on_data_ GUARDED_BY(mutex_);
};

// The reading end as a source.
class PipeSource final : public StreamSource {
 public:
  explicit PipeSource(std::shared_ptr<Pipe> pipe) : pipe_(std::move(pipe)) {}
  ~PipeSource() override { pipe_->Leave(); }
  void Attach(Waker waker) override { pipe_->OnData(std::move(waker)); }
  Pulled Pull(size_t bytes_max, std::vector<SharedBytes>& out) override {
    return pipe_->Pull(bytes_max, out);
  }
  std::string Fault() const override {
    const std::string fault = pipe_->fault();
    return fault.empty() ? StreamSource::Fault() : fault;
  }

 private:
  const std::shared_ptr<Pipe> pipe_;
};

}  // namespace skiff::http
