// The ConfigMap kube-root-ca.crt in every namespace: by which CA pods know the API server.
#include "client/reconciler.h"
#include "client/refusals.h"
#include "controllers/figures.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;
using core_v1::Namespace;

constexpr std::string_view kName = "kube-root-ca.crt";
constexpr std::string_view kKey = "ca.crt";
constexpr std::string_view kDescription = "kubernetes.io/description";
constexpr std::string_view kText =
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
    "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
    "guaranteed across distributions of Kubernetes clusters.";

class RootCaReconciler final : public Reconciler<Namespace> {
 public:
  RootCaReconciler(Manager& manager, std::string root_ca, MetricRegistry* metrics)
      : client_(manager.client()),
        clock_(manager.clock()),
        config_maps_(manager.informer<ConfigMap>()),
        root_ca_(std::move(root_ca)),
        synced_(metrics, {"root_ca_cert_publisher_sync_total",
                          "[ALPHA] How often namespaces were looked at, by what it came to.",
                          {"code"}}),
        took_(metrics,
              {"root_ca_cert_publisher_sync_duration_seconds",
               "[ALPHA] For how long namespaces were looked at.",
               {"code"}},
              GrowingBounds(0.001, 2, 15)) {}

  Result<Requeue> Reconcile(const Namespace& namespace_) override {
    const Duration begun = clock_.Monotonic();
    auto done = Publish(namespace_);
    const int failure = done || done.error().http_code == 0 ? 500 : done.error().http_code;
    const std::string code = std::to_string(done ? 200 : failure);
    synced_.Add({code});
    took_.Took({code}, clock_.Monotonic() - begun);
    return done;
  }

 private:
  Result<Requeue> Publish(const Namespace& namespace_) {
    if (namespace_.status.phase != "Active" || namespace_.metadata.deletion_timestamp) {
      return Requeue::None();
    }
    const auto stored = config_maps_.Get({namespace_.metadata.name, std::string(kName)});
    ConfigMap wanted;
    if (stored) wanted = *stored;
    wanted.metadata.namespace_ = namespace_.metadata.name;
    wanted.metadata.name = kName;
    wanted.metadata.annotations[std::string(kDescription)] = kText;
    wanted.data = {{std::string(kKey), root_ca_}};
    wanted.binary_data.clear();
    if (stored && wanted == *stored) return Requeue::None();
    const auto written = stored ? client_.Update(wanted) : client_.Create(wanted);
    if (written || written.error().reason == Reason::kAlreadyExists ||
        written.error().reason == Reason::kNotFound) {
      return Requeue::None();
    }
    if (IsNamespaceTerminating(written.error())) return Requeue::None();
    return Fail(written.error());
  }

  Client& client_;
  const Clock& clock_;
  const Informer<ConfigMap> config_maps_;
  const std::string root_ca_;
  const FigureCounter synced_;
  const FigureHistogram took_;
};

}  // namespace

void AddRootCaPublisher(Manager& manager, const std::string& root_ca, MetricRegistry* metrics) {
  ControllerBuilder<Namespace>(manager, "root-ca-certificate-publisher")
      .Watches<ConfigMap>([](const ConfigMap& config_map) {
        std::vector<ObjectKey> keys;
        if (config_map.metadata.name == kName) keys.push_back({"", config_map.metadata.namespace_});
        return keys;
      })
      .Workers(1)
      .Complete(std::make_unique<RootCaReconciler>(manager, root_ca, metrics));
}

}  // namespace skiff
