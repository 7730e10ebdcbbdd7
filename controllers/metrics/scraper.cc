// Looks at what the kubelets say of themselves, while somebody asks for it: each node every 15
// seconds, and at the beginning twice within two, so that the first answers do not take long.
#include <condition_variable>
#include <mutex>

#include "api/pods/conditions.h"
#include "client/transport.h"
#include "controllers/metrics/metrics_server.h"

namespace skiff::metrics {
namespace {

using core_v1::Node;

constexpr Duration kFirstWindow = 2s;
// What a kubelet may take for its answer, and how long that may be.
constexpr Duration kAnswerTimeMax = 10s;
constexpr size_t kAnswerBytesMax = size_t{16} << 20;

// Takes an answer that comes piece by piece.
class PulledAnswer {
 public:
  explicit PulledAnswer(std::unique_ptr<http::StreamSource> stream) : stream_(std::move(stream)) {
    stream_->Attach([state = state_] {
      const std::lock_guard lock(state->mutex);
      state->is_called = true;
      state->changed.notify_all();
    });
  }
  // nullopt: it broke off, takes too long, or is too long.
  std::optional<std::string> Take() {
    const auto deadline = std::chrono::steady_clock::now() + kAnswerTimeMax;
    std::string text;
    for (;;) {
      std::vector<http::SharedBytes> pieces;
      const http::Pulled pulled = stream_->Pull(size_t{64} << 10, pieces);
      for (const auto& piece : pieces) text += *piece;
      if (pulled == http::Pulled::kEnd) return text;
      if (pulled == http::Pulled::kAbort || text.size() > kAnswerBytesMax) return std::nullopt;
      if (pulled == http::Pulled::kIdle && !WaitUntil(deadline)) return std::nullopt;
      if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    }
  }

 private:
  // The waker may outlive all else of the stream.
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_called = false;
  };
  bool WaitUntil(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(state_->mutex);
    const bool called =
        state_->changed.wait_until(lock, deadline, [&] { return state_->is_called; });
    state_->is_called = false;
    return called;
  }
  const std::shared_ptr<State> state_ = std::make_shared<State>();
  const std::unique_ptr<http::StreamSource> stream_;
};

class Scraper final : public ControlLoop {
 public:
  Scraper(Manager& manager, MetricsServer& server)
      : transport_(manager.client().transport()),
        clock_(manager.clock()),
        hands_(manager.hands()),
        server_(server),
        nodes_(manager.informer<Node>()) {
    server.Enter({nodes_, manager.informer<core_v1::Pod>(), this});
  }
  ~Scraper() override { server_.Leave(); }

  Duration Step() override {
    const Duration now = clock_.Monotonic();
    if (!server_.table().IsWanted(now)) {
      server_.table().Keep({});
      looks_ = 0;
      return kNever;
    }
    if (now < due_ && looks_ > 0) return due_ - now;
    Look();
    const Duration pause = ++looks_ == 1 ? kFirstWindow : UsageTable::kResolution;
    due_ = now + pause;
    return std::max(Duration(0), due_ - clock_.Monotonic());
  }

 private:
  // One that does not answer the API server would hold us up.
  static bool IsReady(const Node& node) {
    const auto* ready = FindCondition(node.status.conditions, "Ready");
    return ready != nullptr && ready->status == "True";
  }

  void Look() {
    std::vector<std::string> names;
    std::set<std::string> kept;
    for (const auto& node : nodes_.List()) {
      if (!IsReady(*node)) continue;
      names.push_back(node->metadata.name);
      kept.insert(node->metadata.name);
    }
    server_.table().Keep(kept);
    hands_.Run(static_cast<int>(names.size()), [&](int index) { LookAt(names[index]); });
  }

  void LookAt(const std::string& node) {
    http::Request request;
    request.method = "GET";
    request.path = "/api/v1/nodes/" + node + "/proxy/metrics/resource";
    request.headers.emplace("User-Agent", "metrics-scraper");
    http::Response response = transport_.Send(std::move(request));
    if (response.status != 200) return;
    std::string text = std::move(response.body);
    for (const auto& piece : response.pieces) text += *piece;
    if (response.stream) {
      auto pulled = PulledAnswer(std::move(response.stream)).Take();
      if (!pulled) return;
      text += *pulled;
    }
    server_.table().Put(node, ParseSample(text, clock_.Now()));
  }

  Transport& transport_;
  const Clock& clock_;
  Hands& hands_;
  MetricsServer& server_;
  const Informer<Node> nodes_;
  int looks_ = 0;   // Since somebody began to ask.
  Duration due_{};  // Monotonic.
};

}  // namespace

void AddMetricsScraper(Manager& manager, MetricsServer& server) {
  manager.AddLoop(std::make_unique<Scraper>(manager, server));
}

}  // namespace skiff::metrics
