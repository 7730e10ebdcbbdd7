#include "kubelet/network/pod_network.h"

#include <atomic>
#include <optional>

namespace skiff {
namespace {

constexpr Duration kRetryPeriod = 10s;
constexpr int kMtuNotAsked = -1;

}  // namespace

// Writes CNI's configuration when pod CIDRs or MTU change.
class PodNetwork::ConfigLoop final : public ControlLoop {
 public:
  ConfigLoop(Informer<core_v1::Node> nodes, const Options& options)
      : nodes_(nodes),
        node_(options.routes.node_name),
        directory_(options.cni_directory),
        network_(options.network) {
    nodes_.OnChange([this](const auto& before, const auto& now) {
      const bool is_own = now && now->metadata.name == node_;
      if (is_own && (!before || before->spec != now->spec)) Wake();
    });
  }
  void OnWritten(std::function<void()> written) { written_ = std::move(written); }
  // Any thread.
  void SetMtu(int mtu) {
    mtu_ = mtu;
    Wake();
  }

  Duration Step() override {
    const int mtu = mtu_;
    const auto node = nodes_.Get({"", node_});
    if (!node || node->spec.pod_cidrs.empty() || mtu == kMtuNotAsked) return kNever;
    CniNetwork wanted = network_;
    wanted.pod_cidrs = node->spec.pod_cidrs;
    if (mtu != 0) wanted.mtu = mtu;
    if (wanted == applied_) return kNever;
    if (const auto written = WriteCniConfig(directory_, wanted); !written) {
      log_.Error("network not configured", {{"error", written.error().message}});
      return kRetryPeriod;
    }
    applied_ = std::move(wanted);
    if (written_) written_();
    return kNever;
  }

 private:
  const Informer<core_v1::Node> nodes_;
  const std::string node_;
  const std::string directory_;
  const CniNetwork network_;
  std::optional<CniNetwork> applied_;
  std::function<void()> written_;
  const Log log_{"network"};
  std::atomic<int> mtu_ = kMtuNotAsked;
};

PodNetwork::PodNetwork(NodeRouteLoop::Dependencies dependencies, Options options)
    : config_(std::make_unique<ConfigLoop>(dependencies.nodes, options)) {
  dependencies.on_pod_mtu = [this](int mtu) { config_->SetMtu(mtu); };
  routes_ = std::make_unique<NodeRouteLoop>(std::move(dependencies), std::move(options.routes));
}

PodNetwork::~PodNetwork() {
  Stop();
}

void PodNetwork::OnWritten(std::function<void()> written) {
  config_->OnWritten(std::move(written));
}

void PodNetwork::Start(Executor& executor) {
  executor_ = &executor;
  executor.Add(*config_);
  executor.Add(*routes_);
}

void PodNetwork::Stop() {
  if (executor_ == nullptr) return;
  executor_->Remove(*routes_);
  executor_->Remove(*config_);
  executor_ = nullptr;
}

}  // namespace skiff
