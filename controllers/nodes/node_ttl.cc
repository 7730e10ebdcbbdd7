// Writes on each node for how long its kubelet may keep Secrets and ConfigMaps that it has read.
#include <fmt/format.h>

#include <set>

#include "base/log.h"
#include "client/reconciler.h"
#include "controllers/nodes/node_ttl_plan.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using core_v1::Node;

constexpr char kTtlAnnotation[] = "node.alpha.kubernetes.io/ttl";
// Nothing depends on it within seconds, and a large cluster has other things to write when it
// starts.
constexpr Duration kTtlPeriod = 1s;
constexpr size_t kTtlWritesMax = 100;

class NodeTtlLoop final : public ControlLoop {
 public:
  explicit NodeTtlLoop(Manager& manager)
      : client_(manager.client()),
        clock_(manager.clock()),
        nodes_(manager.informer<Node>()),
        answers_([this] { Wake(); }) {
    nodes_.OnChange([this](const Ptr<Node>& before, const Ptr<Node>& now) {
      if (before && now && TextOf(*before) == TextOf(*now)) return;
      Wake();
    });
    nodes_.cache().OnSynced([this] { Wake(); });
  }

  Duration Step() override {
    answers_.Deliver();
    // A server that takes its time is not sent the same again meanwhile.
    if (!nodes_.synced() || on_the_way_ > 0) return kNever;
    const Duration wait = not_before_ - clock_.Monotonic();
    if (wait > Duration(0)) return wait;
    const auto nodes = nodes_.List();
    ttl_.Resize(nodes.size());
    const std::string wanted = fmt::format("{}", ttl_.seconds());
    size_t writes = 0;
    for (const auto& node : nodes) {
      if (TextOf(*node) == wanted || node->metadata.deletion_timestamp) continue;
      if (writes == kTtlWritesMax) break;
      ++writes;
      ++on_the_way_;
      client_.PatchLater<Node>(
          answers_, node, [&](Node& it) { it.metadata.annotations[kTtlAnnotation] = wanted; }, {},
          [this, name = node->metadata.name](const Result<Ptr<Node>>& written) {
            Written(name, written);
          });
    }
    if (writes == 0) return kNever;
    not_before_ = clock_.Monotonic() + kTtlPeriod;
    answers_.Deliver();
    return not_before_ - clock_.Monotonic();
  }

 private:
  void Written(const std::string& node, const Result<Ptr<Node>>& written) {
    --on_the_way_;
    if (written || written.error().reason == Reason::kNotFound) return;
    not_before_ = clock_.Monotonic() + 10 * kTtlPeriod;
    log_.Info("ttl of a node not written", {{"node", node}, {"error", written.error().message}});
  }

  static std::string TextOf(const Node& node) {
    const auto found = node.metadata.annotations.find(kTtlAnnotation);
    return found == node.metadata.annotations.end() ? "" : found->second;
  }

  Client& client_;
  const Clock& clock_;
  const Informer<Node> nodes_;
  const Log log_{"ttl"};
  NodeTtl ttl_;
  Duration not_before_{};
  size_t on_the_way_ = 0;
  Mailbox answers_;
};

}  // namespace

void AddNodeTtlController(Manager& manager) {
  manager.AddLoop(std::make_unique<NodeTtlLoop>(manager));
}

}  // namespace skiff
