#include "e2e/simulation/link.h"

#include <algorithm>

#include "api/codec/json.h"
#include "e2e/harness.h"

namespace skiff {
namespace {

// The longest a request is under way.
constexpr uint64_t kLateMsMax = 8000;
// The longest that somebody waits for an answer.
constexpr uint64_t kTimeoutMsMax = 10'000;

}  // namespace

// A stream of the server behind the faults of the link.
class Link::Stream final : public http::StreamSource {
 public:
  Stream(Link& link, std::string resource, std::unique_ptr<http::StreamSource> source)
      : resource(std::move(resource)), link_(&link), source_(std::move(source)) {
    link.streams_.push_back(this);
  }
  ~Stream() override {
    if (link_ != nullptr) std::erase(link_->streams_, this);
  }

  void Attach(http::Waker waker) override {
    waker_ = waker;
    if (source_) source_->Attach(std::move(waker));
  }
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override {
    if (!source_) return http::Pulled::kAbort;
    if (link_->clock_.Monotonic() < link_->stalled_until_) return http::Pulled::kIdle;
    return source_->Pull(bytes_max, out);
  }
  int PullEveryMs() const override { return source_ ? source_->PullEveryMs() : 0; }

  void Wake() const {
    if (waker_) waker_();
  }
  // The link forgets it, and the server's side is gone at once.
  void Cut() {
    link_ = nullptr;
    source_.reset();
    Wake();
  }

  const std::string resource;  // "pods"

 private:
  Link* link_;
  std::unique_ptr<http::StreamSource> source_;
  http::Waker waker_;
};

Link::Link(Transport& below, const Clock& clock, Random& random, LinkIdentity identity)
    : below_(below), clock_(clock), random_(random), identity_(std::move(identity)) {}

Link::~Link() {
  CutStreams();
}

void Link::Break() {
  requests_left_ = 0;
  CutStreams();
}

void Link::Mend() {
  requests_left_ = -1;
  stalled_until_ = Duration(0);
  Wake();
}

bool Link::Follows(std::string_view resource) const {
  if (IsBroken() || clock_.Monotonic() < stalled_until_) return false;
  return std::any_of(streams_.begin(), streams_.end(),
                     [&](const Stream* stream) { return stream->resource == resource; });
}

void Link::CutStreams() {
  ++breaks_;
  const std::vector<Stream*> streams = std::move(streams_);
  streams_.clear();
  for (Stream* stream : streams) stream->Cut();
}

void Link::StallStreams(Duration length) {
  stalled_until_ = std::max(stalled_until_, clock_.Monotonic() + length);
  Wake();
}

void Link::NoteUnheard(const http::Request& request, const http::Response& answer) {
  if (request.method != "POST" || answer.status != 201) return;
  if (request.path.ends_with("/binding")) {
    const auto binding = ParseJson(request.body);
    CHECK(binding.has_value());
    unheard_bindings_.insert(binding->at("metadata").at("uid").get<std::string>());
  }
  const bool is_counted = request.path.ends_with("/pods") ||
                          request.path.ends_with("/replicasets") ||
                          request.path.ends_with("/jobs");
  if (!is_counted) return;
  std::string text = answer.body;
  for (const http::SharedBytes& piece : answer.pieces) text += *piece;
  const auto made = ParseJson(text);
  CHECK(made.has_value());
  unheard_objects_.insert(made->at("metadata").at("uid").get<std::string>());
}

http::Response Link::WaitInVain() {
  if (executor_ != nullptr) {
    const Duration timeout = std::chrono::milliseconds(random_.Below(kTimeoutMsMax));
    (void)executor_->Wait(timeout, [] { return false; });
  }
  return Unreachable();
}

http::Response Link::Send(http::Request request) {
  if (!identity_.user.empty()) {
    request.headers.emplace("Impersonate-User", identity_.user);
    for (const std::string& group : identity_.groups) {
      request.headers.emplace("Impersonate-Group", group);
    }
  }
  if (requests_left_ == 0) return Unreachable();
  if (requests_left_ > 0 && --requests_left_ == 0) CutStreams();
  const LinkFaults& faults = IsBad() ? bad_faults_ : faults_;
  const bool writes = request.method != "GET";
  if (writes && Strikes(faults.late)) {
    ++losses_;
    const Duration delay = std::chrono::milliseconds(1 + random_.Below(kLateMsMax));
    late_.push_back({clock_.Monotonic() + delay, std::move(request)});
    Wake();
    return WaitInVain();
  }
  const bool lost = Strikes(faults.loss);
  if (lost) ++losses_;
  if (lost && random_.Below(2) == 0) return WaitInVain();
  http::Response response = below_.Send(request);
  if (lost) {
    NoteUnheard(request, response);
    // Its stream is the server's, which may be gone by the end of the wait.
    response = {};
    return WaitInVain();
  }
  if (response.stream) {
    response.stream = std::make_unique<Stream>(
        *this, request.path.substr(request.path.rfind('/') + 1), std::move(response.stream));
  }
  return response;
}

Duration Link::Step() {
  const Duration now = clock_.Monotonic();
  Duration next = kNever;
  for (size_t i = 0; i < late_.size();) {
    if (late_[i].due > now) {
      next = std::min(next, late_[i].due - now);
      ++i;
      continue;
    }
    const http::Request request = std::move(late_[i].request);
    late_.erase(late_.begin() + static_cast<ptrdiff_t>(i));
    if (request.method != "POST") late_writes_.insert(request.path);
    NoteUnheard(request, below_.Send(request));
  }
  if (stalled_until_ > now) return std::min(next, stalled_until_ - now);
  for (const Stream* stream : streams_) stream->Wake();
  return next;
}

}  // namespace skiff
