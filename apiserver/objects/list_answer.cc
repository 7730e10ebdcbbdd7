#include "apiserver/objects/list_answer.h"

#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "api/cel/limits.h"
#include "apiserver/objects/list_in_version.h"
#include "apiserver/objects/reader.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/answer_stream.h"
#include "apiserver/request/list_form.h"
#include "apiserver/request/respond.h"
#include "apiserver/request/time_limit.h"
#include "apiserver/request/wait_deadline.h"
#include "apiserver/server/component_statuses.h"
#include "apiserver/webhooks/outbound_pool.h"
#include "base/at_once.h"
#include "base/gzip.h"
#include "base/log.h"
#include "base/mutex.h"

namespace skiff {
namespace {

const Log kListLog("apiserver");

// What is made before the head is sent; an answer that is no longer has a Content-Length.
constexpr size_t kWholeBytesMax = 1 << 20;
// The same of one that will be longer, as far as that is known by then.
constexpr size_t kBeginBytes = 128 << 10;
// Made ahead of the connection, and when that is to be made up again.
constexpr size_t kAheadBytes = 512 << 10;
constexpr size_t kAheadBytesMin = 256 << 10;
// Of a job.
constexpr std::chrono::microseconds kWriteTime{500};
// Of a piece, about, and of the records that are read at a time.
constexpr size_t kPieceBytes = 64 << 10;
// After so many looks of the columns of rows a step ends, and others have their turn: one row may
// take a million of them.
constexpr uint64_t kLooksPerStep = 250'000;
// A short answer is sent together with its head.
constexpr size_t kBodyBytesMax = 16 << 10;
// What is written on a connection's loop: objects that are sent as they are kept, or a few in
// another form, each of which takes as long as so many of the others.
constexpr size_t kAtOnceRecordsMax = 64;
constexpr size_t kAtOnceBytesMax = 512 << 10;
constexpr size_t kAtOncePackedMax = 128 << 10;  // Of what gzip is to pack: a millisecond or two.
constexpr size_t kRecordsPerMade = 16;
// A version of the newest state may be replaced and compacted before it is read.
constexpr int kListTriesMax = 3;

size_t BytesOfPieces(const std::vector<http::SharedBytes>& pieces) {
  size_t bytes = 0;
  for (const auto& piece : pieces) bytes += piece->size();
  return bytes;
}

using SteadyTime = std::chrono::steady_clock::time_point;

void LogBreak(const Error& error) {
  kListLog.Info("list breaks off", {{"error", error.message}});
}

// Writes a list, a step at a time. One thread at a time.
class ListWriter {
 public:
  // `items`: how many the list has; 0 where that is not known. `until`: steps fail after that.
  ListWriter(const KindInfo& kind, std::unique_ptr<ListCursor> records,
             std::unique_ptr<ListForm> form, size_t items, SteadyTime until)
      : kind_(kind),
        records_(std::move(records)),
        form_(std::move(form)),
        items_(items),
        until_(until) {}

  const ListForm& form() const { return *form_; }

  // Before the first step.
  Result<> Begin() {
    if (form_->LooksFirst()) {
      size_t looked = 0;
      while (!IsAtEnd()) {
        looked += TRY(Each([&](std::string_view text) { return form_->Look(text); }));
      }
      records_->Rewind(form_->kept());
      batch_.clear();
      next_ = 0;
      is_last_ = false;
      is_read_ = form_->kept() == looked;
    }
    piece_.reserve(kPieceBytes + kPieceBytes / 4);
    form_->Begin(piece_);
    return {};
  }

  // Writes some of it; false: that was all.
  Result<bool> Step(std::vector<http::SharedBytes>& out) {
    if (!is_read_) {
      added_ += TRY(Each([&](std::string_view text) { return form_->Add(text, piece_); }));
      is_read_ = IsAtEnd();
    }
    if (is_read_) form_->End(piece_);
    if (is_read_ || piece_.size() >= kPieceBytes) EndPiece(out);
    return !is_read_;
  }

  // What all of it comes to, about and at least, by those `bytes` that were written.
  size_t ExpectedBytes(size_t bytes) const {
    return added_ == 0 || added_ > items_ ? bytes : bytes / added_ * items_;
  }

  // What was written so far, and all that follows.
  void Compress(std::vector<http::SharedBytes>& written, bool is_all) {
    gzip_.emplace();
    std::string packed;
    for (const http::SharedBytes& piece : written) gzip_->Add(*piece, false, packed);
    if (is_all) gzip_->Add("", true, packed);
    written = {std::make_shared<const std::string>(std::move(packed))};
  }
  bool has_failed() const { return gzip_ && gzip_->failed(); }

 private:
  bool IsAtEnd() const { return is_last_ && next_ == batch_.size(); }

  // Hands the texts of the next records to `take`, of those that take long only a few; says of how
  // many. Fails where nobody waits for more.
  template <class Take>
  Result<size_t> Each(const Take& take) {
    const bool is_late = std::chrono::steady_clock::now() >= until_;
    if (is_late || !cel::Look(0)) return Fail(TookTooLong());
    if (next_ == batch_.size()) {
      batch_.clear();
      next_ = 0;
      is_last_ = !TRY(records_->Next(kPieceBytes, batch_));
    }
    const size_t begin = next_;
    const uint64_t looks_begin = cel::looks_of_thread;
    for (; next_ < batch_.size(); ++next_) {
      if (cel::looks_of_thread - looks_begin >= kLooksPerStep) break;
      TRY(take(TRY(TextOfNext(next_))));
    }
    return next_ - begin;
  }

  // Of that one of the batch, before the one behind it. Lies in the record, or in text_.
  Result<std::string_view> TextOfNext(size_t place) {
    if (place + 1 < batch_.size()) FetchSoon(*batch_[place + 1]);
    const Record& record = *batch_[place];
    const auto view = ObjectView::Of(record);
    if (!view) return Fail(IsUnreadable(record.value) ? UnreadableInList(record) : view.error());
    if (IsSentAsKept(kind_, *view)) return view->body();
    text_ = TRY(TextOf(kind_, record));
    return std::string_view(text_);
  }

  void EndPiece(std::vector<http::SharedBytes>& out) {
    std::string piece = std::exchange(piece_, {});
    if (gzip_) {
      gzip_->Add(piece, is_read_, piece_);
      std::swap(piece, piece_);
      piece_.clear();
    } else if (!is_read_) {
      piece_.reserve(kPieceBytes + kPieceBytes / 4);
    }
    if (!piece.empty()) out.push_back(std::make_shared<const std::string>(std::move(piece)));
  }

  const KindInfo& kind_;
  const std::unique_ptr<ListCursor> records_;
  const std::unique_ptr<ListForm> form_;
  std::vector<RecordPtr> batch_;
  size_t next_ = 0;       // Of the batch.
  bool is_last_ = false;  // The batch.
  const size_t items_;
  const SteadyTime until_;
  size_t added_ = 0;  // By steps.
  bool is_read_ = false;
  std::string text_;
  std::string piece_;
  std::optional<GzipStream> gzip_;
};

// A list on its way: what is written of it, and the job that writes more. Thread-safe.
class LongList : public std::enable_shared_from_this<LongList> {
 public:
  LongList(std::shared_ptr<const Served> held, WatchJobs jobs, std::unique_ptr<ListWriter> writer,
           std::vector<http::SharedBytes> written, SteadyTime until)
      : held_(std::move(held)), jobs_(std::move(jobs)), writer_(std::move(writer)), until_(until) {
    MutexLock lock(mutex_);
    Put(written);
  }

  void Attach(http::Waker waker) {
    MutexLock lock(mutex_);
    waker_ = std::move(waker);
  }

  http::Pulled Take(size_t bytes_max, std::vector<http::SharedBytes>& out) {
    bool begins = false;
    const http::Pulled pulled = TakeReady(bytes_max, out, begins);
    if (!begins) return pulled;
    if (jobs_.loop == nullptr && !jobs_.elsewhere) {
      while (Write()) {
      }
      return http::Pulled::kMore;
    }
    return SubmitJob() ? pulled : http::Pulled::kAbort;
  }

 private:
  http::Pulled TakeReady(size_t bytes_max, std::vector<http::SharedBytes>& out, bool& begins) {
    // Who takes it slowly is cut off as well: what was sent cannot be taken back.
    if (until_ != SteadyTime::max() && std::chrono::steady_clock::now() >= until_) {
      LogBreak(TookTooLong());
      return http::Pulled::kAbort;
    }
    MutexLock lock(mutex_);
    size_t taken = 0;
    while (taken < bytes_max && !ready_.empty()) {
      taken += ready_.front()->size();
      out.push_back(std::move(ready_.front()));
      ready_.pop_front();
    }
    ready_bytes_ -= taken;
    if (is_done_ && ready_.empty()) return failed_ ? http::Pulled::kAbort : http::Pulled::kEnd;
    begins = !is_done_ && !is_writing_ && ready_bytes_ < kAheadBytesMin;
    if (begins) is_writing_ = true;
    is_awaited_ = taken == 0;
    return is_awaited_ ? http::Pulled::kIdle : http::Pulled::kMore;
  }

  void Put(std::vector<http::SharedBytes>& pieces) REQUIRES(mutex_) {
    for (auto& piece : pieces) {
      ready_bytes_ += piece->size();
      ready_.push_back(std::move(piece));
    }
  }

  bool SubmitJob() {
    // The client may have left when its turn comes.
    return jobs_.Submit([list = weak_from_this()] {
      const auto here = list.lock();
      if (here && here->Write() && !here->SubmitJob()) here->BreakOff();
    });
  }

  // A piece, or as many as are made in no time; then others have their turn. Whether there is more
  // to be written now.
  bool Write() {
    const WaitDeadline deadline(until_);
    std::vector<http::SharedBytes> pieces;
    Result<bool> more = true;
    const auto end = std::chrono::steady_clock::now() + kWriteTime;
    try {
      do more = writer_->Step(pieces);
      while (more && *more && BytesOfPieces(pieces) < kAheadBytesMin &&
             std::chrono::steady_clock::now() < end);
    } catch (const std::exception& failure) {
      more = Fail(Reason::kInternalError, failure.what());
    }
    if (!more) LogBreak(more.error());
    http::Waker wake;
    bool goes_on = false;
    {
      MutexLock lock(mutex_);
      Put(pieces);
      failed_ = !more || writer_->has_failed();
      is_done_ = failed_ || !*more;
      goes_on = !is_done_ && ready_bytes_ < kAheadBytes;
      is_writing_ = goes_on;
      if (is_awaited_ && (is_done_ || ready_bytes_ > 0)) {
        is_awaited_ = false;
        wake = waker_;
      }
    }
    if (wake) wake();
    return goes_on;
  }

  void BreakOff() {
    http::Waker wake;
    {
      MutexLock lock(mutex_);
      is_done_ = failed_ = true;
      wake = waker_;
    }
    if (wake) wake();
  }

  const std::shared_ptr<const Served> held_;  // Keeps the kind alive.
  const WatchJobs jobs_;
  const std::unique_ptr<ListWriter> writer_;  // Of who has set is_writing_.
  const SteadyTime until_;                    // It breaks off then.
  Mutex mutex_;
  std::deque<http::SharedBytes> ready_ GUARDED_BY(mutex_);
  size_t ready_bytes_ GUARDED_BY(mutex_) = 0;
  bool is_writing_ GUARDED_BY(mutex_) = false;  // A job is on its way.
  bool is_done_ GUARDED_BY(mutex_) = false;
  bool failed_ GUARDED_BY(mutex_) = false;
  bool is_awaited_ GUARDED_BY(mutex_) = false;
  http::Waker waker_ GUARDED_BY(mutex_);
};

class LongListSource final : public AnswerStream {
 public:
  explicit LongListSource(std::shared_ptr<LongList> list) : list_(std::move(list)) {}
  void Attach(http::Waker waker) override { list_->Attach(std::move(waker)); }
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override {
    return list_->Take(bytes_max, out);
  }
  // Who takes nothing for a while is parted with as by an answer of known length.
  int PullEveryMs() const override { return 1000; }
  size_t HeldBytesMax() const override { return kWholeBytesMax; }

 private:
  const std::shared_ptr<LongList> list_;
};

WatchJobs JobsFor(const ListParts& parts, const ApiRequest& request) {
  WatchJobs jobs{parts.jobs == nullptr ? nullptr : &parts.jobs->Next(), request.user.name};
  if (IsConvertedByWebhook(*request.kind) && parts.outbound != nullptr) {
    jobs.elsewhere = [pool = parts.outbound,
                      name = PageConversionName(*request.kind)](std::function<void()> job) {
      return pool->Submit({name}, std::move(job));
    };
  }
  return jobs;
}

// Fails, and with it the attempt, where that takes long.
Result<> CheckQuick(const KindInfo& kind, const MediaType& media, bool packs,
                    ListCursor& records) {
  std::vector<RecordPtr> all;
  bool more = TRY(records.Next(kAtOnceBytesMax, all));
  size_t bytes = 0;
  size_t work = 0;
  for (const RecordPtr& record : all) {
    bytes += record->value.size();
    const auto view = ObjectView::Of(*record);
    work += media.IsPlain() && view && IsSentAsKept(kind, *view) ? 1 : kRecordsPerMade;
  }
  const size_t bytes_max = packs ? kAtOncePackedMax : kAtOnceBytesMax;
  records.Rewind(0);
  if (!more && work <= kAtOnceRecordsMax && bytes <= bytes_max) return {};
  (void)MayWait();
  return Fail(WouldWait());
}

}  // namespace

Result<http::Response> ListBy(const ListParts& parts, const ApiRequest& request,
                              const MediaType& media, const ListQuery& options) {
  const KindInfo& kind = *request.kind;
  OpenPage page = TRY(OpenPageOf(parts.store, kind, request.info.namespace_name, options));
  const bool leaves = !request.http.remote_address.empty();
  if (IsAtOnce()) {
    TRY(CheckQuick(kind, media, leaves && AcceptsGzip(request.http), *page.records));
  }
  const SteadyTime until = request.answer_deadline;
  // A page behind which there is more is full.
  const bool is_full = options.limit > 0 && options.SelectsAll() && page.records->more();
  auto writer = std::make_unique<ListWriter>(
      kind, std::move(page.records), TRY(ListFormOf(kind, page.meta, request, media)),
      is_full ? static_cast<size_t>(options.limit) : 0, until);
  http::Response response;
  response.content_type = std::string(writer->form().content_type());
  std::vector<http::SharedBytes> pieces;
  TRY(writer->Begin());
  bool more = true;
  size_t bytes = 0;
  const auto is_enough = [&] {
    return leaves && bytes >= kBeginBytes && writer->ExpectedBytes(bytes) > kWholeBytesMax;
  };
  while (more && !is_enough()) {
    more = TRY(writer->Step(pieces));
    bytes = BytesOfPieces(pieces);
  }
  if (leaves && bytes > kGzipBytesMin && AcceptsGzip(request.http)) {
    writer->Compress(pieces, !more);
    response.SetHeader("Content-Encoding", "gzip");
    response.SetHeader("Vary", "Accept-Encoding");
  }
  if (more) {
    response.stream = std::make_unique<LongListSource>(std::make_shared<LongList>(
        request.served, JobsFor(parts, request), std::move(writer), std::move(pieces), until));
  } else if (leaves && bytes > kBodyBytesMax) {
    response.pieces = std::move(pieces);
  } else {
    response.body.reserve(bytes);
    for (const auto& piece : pieces) response.body += *piece;
  }
  return response;
}

Result<http::Response> ListObjects(const ListParts& parts, const ApiRequest& request) {
  const KindInfo& kind = *request.kind;
  const MediaType media = TRY(Negotiate(request.http, OfferOf(request, {.list = true})));
  const ListQuery options = TRY(ParseListOptions(request.http, kind, false));
  if (parts.components != nullptr && IsComponentStatus(kind)) {
    const auto is_selected = [&](std::string_view name) {
      return options.labels.MatchesEach([](auto) {}) &&
             options.fields.MatchesBy([&](std::string_view field) {
               return field == "metadata.name" ? name : std::string_view();
             });
    };
    return ListResponse(kind, parts.components->Texts(is_selected), {}, request, media);
  }
  const bool of_now = options.resource_version.empty() && options.continue_token.empty();
  const bool of_any = !options.resource_version.empty() && options.limit == 0 &&
                      options.match != VersionMatch::kExact;
  for (int tries = 1;; ++tries) {
    auto answer = ListBy(parts, request, media, options);
    const bool is_gone = !answer && answer.error().reason == Reason::kExpired;
    if (is_gone && of_now && tries < kListTriesMax) continue;
    if (answer || !of_any) return answer;
    return Fail(UnreadyInVersion(kind, answer.error()));
  }
}

}  // namespace skiff
