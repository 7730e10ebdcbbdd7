// A whole answer of another server, read as it arrives: for what the server itself wants to know.
// Whoever asked is told when it is there, or waits for it. Bounded in size and in time; dropped,
// the connection is closed.
//
// As Go's client does, it asks by itself for answers that are packed (gzip), and unpacks them,
// where the request says nothing of that.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/gzip.h"
#include "http/client.h"

namespace skiff {

struct WholeAnswer {
  int status = 0;
  http::Headers headers;
  std::string body;

  // The first of that name; "" for none.
  std::string_view Header(std::string_view name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
  }
};

// What answers may take together beyond what each of them may. Thread-safe.
class LongAnswers {
 public:
  explicit LongAnswers(size_t bytes_max) : left_(bytes_max) {}
  // False: others have it.
  bool Take(size_t bytes);
  void GiveBack(size_t bytes) { left_ += bytes; }

 private:
  std::atomic<size_t> left_;
};
using LongAnswersPtr = std::shared_ptr<LongAnswers>;

// Thread-safe.
class Fetch : public std::enable_shared_from_this<Fetch> {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  // `bytes_max`: of the body, packed and unpacked alike; 0: the status and the headers alone are of
  // interest, and nothing else is read. `told` is called once, on a loop of connections, and not
  // after Cancel has returned: which waits for it. So it takes no time, and calls nothing of the
  // Fetch, whose lock is held then: it wakes somebody who does.
  Fetch(size_t bytes_max, std::function<void()> told)
      : bytes_max_(bytes_max), told_(std::move(told)) {}
  ~Fetch();
  // Before Start: a longer body may have so many bytes more, if there is room for them. It keeps
  // that for as long as this is there.
  void MayGrow(size_t bytes, LongAnswersPtr room) {
    more_bytes_max_ = bytes;
    long_answers_ = std::move(room);
  }

  // Once, right after it was made.
  void Start(http::Loops& loops, http::Upstream upstream, http::ClientRequest request);
  // The answer, which is given away: once, by either of these. Errors are those of http::Open.
  // nullopt: it is not there yet.
  std::optional<Result<WholeAnswer>> Take();
  // Or Timeout: "context deadline exceeded".
  Result<WholeAnswer> Wait(Deadline deadline);
  // Whether somebody has begun to answer.
  bool has_begun() const { return has_begun_; }
  // Nobody wants it any more: who waits is told so.
  void Cancel();

 private:
  void OnOpened(Result<http::Opened> opened);
  void Read();
  void ReadLocked();
  Result<> Append(std::string_view bytes);
  bool Grow();
  void End(Result<WholeAnswer> result);

  size_t bytes_max_;
  size_t more_bytes_max_ = 0;
  LongAnswersPtr long_answers_;
  bool has_grown_ = false;
  std::mutex mutex_;  // Above what it guards, and taken before those of executors.
  std::condition_variable ended_;
  std::function<void()> told_;
  std::unique_ptr<http::Exchange> exchange_;
  std::unique_ptr<http::StreamSource> body_;
  std::atomic<bool> has_begun_ = false;
  bool takes_gzip_ = false;               // Of its own accord.
  std::unique_ptr<GunzipStream> gunzip_;  // Of an answer that is packed.
  size_t packed_bytes_ = 0;               // Of it.
  WholeAnswer answer_;
  std::optional<Result<WholeAnswer>> result_;  // Of what was given away, the shell stays.
};
using FetchPtr = std::shared_ptr<Fetch>;

}  // namespace skiff
