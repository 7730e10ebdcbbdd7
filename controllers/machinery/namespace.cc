// A namespace that is deleted is emptied, pods first, whatever kinds the server has; then it may
// go.
#include <fmt/format.h>

#include <algorithm>

#include "api/codec/document.h"
#include "base/seconds.h"
#include "client/discovery.h"
#include "client/reconciler.h"
#include "controllers/machinery/namespace_conditions.h"
#include "controllers/program.h"
#include "controllers/workloads/pod_control.h"

namespace skiff {
namespace {

using core_v1::Namespace;
using core_v1::Pod;

constexpr std::string_view kFinalizer = "kubernetes";
// What objects with finalizers are given to go.
constexpr int64_t kFinalizerEstimateS = 15;

class NamespaceReconciler final : public Reconciler<Namespace> {
 public:
  explicit NamespaceReconciler(Manager& manager)
      : client_(manager.client()), clock_(manager.clock()) {}

  Result<Requeue> Reconcile(const Namespace& cached) override {
    if (!cached.metadata.deletion_timestamp) return Requeue::None();
    auto live = client_.Get<Namespace>(KeyOf(cached));
    if (!live && live.error().reason == Reason::kNotFound) return Requeue::None();
    if (!live) return Fail(live.error());
    Ptr<Namespace> namespace_ = *live;
    if (namespace_->metadata.uid != cached.metadata.uid ||
        !namespace_->metadata.deletion_timestamp) {
      return Requeue::None();
    }
    if (namespace_->status.phase != "Terminating") {
      namespace_ = TRY(client_.PatchStatus(
          *namespace_, [](Namespace& it) { it.status.phase = "Terminating"; },
          {.if_unchanged = true}));
    }
    if (namespace_->spec.finalizers.empty()) return Requeue::None();
    const NamespaceContent content = Empty(*namespace_);
    // Also when nothing is left: others may hold the namespace by finalizers of its own, and what
    // was said before is no longer so.
    namespace_ = TRY(Tell(namespace_, content));
    if (content.failed()) return Fail(Reason::kInternalError, Problems(content));
    if (content.estimate_s > 0) {
      return Requeue::After(Seconds(content.estimate_s / 2 + 1));
    }
    return Finalize(*namespace_);
  }

 private:
  // Says in the conditions what has come of it; returns the namespace as it then is.
  Result<Ptr<Namespace>> Tell(const Ptr<Namespace>& namespace_, const NamespaceContent& content) {
    const auto& before = namespace_->status.conditions;
    auto conditions = ConditionsOf(content, before, Time(clock_.Now()));
    if (conditions == before) return namespace_;
    return client_.PatchStatus(
        *namespace_, [&](Namespace& it) { it.status.conditions = std::move(conditions); },
        {.if_unchanged = true});
  }

  static std::string Problems(const NamespaceContent& content) {
    std::string text = DiscoveryProblem(content);
    for (const std::string& problem : content.deletion_failures) {
      text += (text.empty() ? "" : ", ") + problem;
    }
    return text;
  }

  NamespaceContent Empty(const Namespace& namespace_) {
    NamespaceContent content;
    DeletePods(namespace_, content);
    // Nothing else goes while pods run: they may need it.
    if (!content.remaining.empty() || content.failed()) return content;
    const auto served = Discover(client_);
    if (!served) {
      content.discovery_error = served.error().message;
      return content;
    }
    content.discovery_failures = served->failures;
    const std::string& name = namespace_.metadata.name;
    for (const ServedResource& resource : served->resources) {
      if (!resource.resource.namespaced || !resource.Has("delete")) continue;
      if (const auto done = DeleteAll(resource, name, content); !done) {
        content.deletion_failures.push_back(done.error().message);
      }
    }
    return content;
  }

  void DeletePods(const Namespace& namespace_, NamespaceContent& content) {
    const std::string& name = namespace_.metadata.name;
    const ServedResource pods = {Pod::Info(), {"delete", "deletecollection", "list"}};
    const auto running = client_.List<Pod>({.namespace_ = name});
    if (!running) {
      content.deletion_failures.push_back(running.error().message);
      return;
    }
    int64_t grace_s = 0;
    for (const auto& pod : *running) {
      if (IsTerminal(*pod)) continue;
      grace_s = std::max(grace_s, pod->spec.termination_grace_period_seconds.value_or(0));
    }
    const Duration since =
        Between(namespace_.metadata.deletion_timestamp->point(), clock_.Now());
    // They had their time: from now on only finalizers or a broken node explain what is left.
    if (since > Seconds(grace_s)) grace_s = 0;
    if (const auto done = DeleteAll(pods, name, content); !done) {
      content.deletion_failures.push_back(done.error().message);
      return;
    }
    if (!content.remaining.empty()) {
      content.estimate_s = std::max({content.estimate_s, grace_s, int64_t{1}});
    }
  }

  // Deletes the namespace's objects of one kind and counts what is left.
  Result<> DeleteAll(const ServedResource& served, const std::string& name,
                     NamespaceContent& content) {
    const Resource& resource = served.resource;
    const ListOptions all = {.namespace_ = name};
    bool deleted = false;
    if (served.Has("deletecollection")) {
      const auto done = client_.DeleteCollection(resource, all, {.propagation = "Background"});
      deleted = done.has_value();
      if (!done && done.error().reason != Reason::kMethodNotAllowed &&
          done.error().reason != Reason::kNotFound) {
        return Fail(done.error());
      }
    }
    if (!served.Has("list")) return {};
    if (!deleted) TRY(DeleteOneByOne(resource, all));
    const auto left = client_.List(resource, {.namespace_ = name, .metadata_only = true});
    if (!left && left.error().reason == Reason::kNotFound) return {};
    if (!left) return Fail(left.error());
    if (left->items.empty()) return {};
    const bool core = resource.Group().empty();
    content.remaining[resource.name + "." + (core ? "" : resource.Group())] =
        static_cast<int>(left->items.size());
    bool held = false;
    for (const Json& item : left->items) {
      for (const Json& finalizer : ListAt(item, "metadata.finalizers")) {
        if (!finalizer.is_string()) continue;
        held = true;
        ++content.finalizers[finalizer.get<std::string>()];
      }
    }
    if (held) content.estimate_s = std::max(content.estimate_s, kFinalizerEstimateS);
    if (!held && resource.name != "pods") {
      return Fail(Reason::kInternalError,
                  fmt::format("unexpected items still remain in namespace: {} for gvr: {}, "
                              "Resource={}",
                              name, core ? "/, " + resource.api_version : resource.api_version,
                              resource.name));
    }
    return {};
  }

  Result<> DeleteOneByOne(const Resource& resource, const ListOptions& all) {
    const auto list = client_.List(resource, all);
    if (!list && list.error().reason != Reason::kNotFound) return Fail(list.error());
    if (!list) return {};
    for (const Json& item : list->items) {
      const ObjectKey key = {all.namespace_, TextAt(item, "metadata.name")};
      const auto deleted = client_.Delete(resource, key, {.propagation = "Background"});
      if (!deleted && deleted.error().reason != Reason::kNotFound) return Fail(deleted.error());
    }
    return {};
  }

  Result<Requeue> Finalize(const Namespace& namespace_) {
    Namespace released = namespace_;
    std::erase(released.spec.finalizers, kFinalizer);
    const auto done = client_.Update(Namespace::Info(), ToJson(released), "finalize");
    if (!done && done.error().reason != Reason::kNotFound) return Fail(done.error());
    return Requeue::None();
  }

  Client& client_;
  const Clock& clock_;
};

}  // namespace

void AddNamespaceController(Manager& manager) {
  const auto namespaces = manager.informer<Namespace>();
  ControllerBuilder<Namespace>(manager, "namespace")
      // The rest follows as soon as the last pod is gone.
      .Watches<Pod>([namespaces](const Pod& pod) {
        std::vector<ObjectKey> keys;
        const auto namespace_ = namespaces.Get({"", pod.metadata.namespace_});
        if (namespace_ && namespace_->metadata.deletion_timestamp)
          keys.push_back(KeyOf(*namespace_));
        return keys;
      })
      .Workers(10)
      .Retry({.first_delay = 5ms, .max_delay = 60s})
      .Complete(std::make_unique<NamespaceReconciler>(manager));
}

}  // namespace skiff
