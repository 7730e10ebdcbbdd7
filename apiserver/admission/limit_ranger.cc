// LimitRanges of a namespace: defaults for containers, and bounds for containers, pods and claims.
#include <fmt/format.h>

#include "api/gen/core_v1.h"
#include "api/rules/pods/pod_resources.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

constexpr const char* kAnnotation = "kubernetes.io/limit-ranger";

// Adds what is missing; the names of what was added.
std::vector<std::string> Fill(ResourceList& into, const ResourceList& from) {
  std::vector<std::string> added;
  for (const auto& [name, amount] : from) {
    if (into.emplace(name, amount).second) added.push_back(name);
  }
  return added;
}

void FillContainers(std::vector<core_v1::Container>& containers, std::string_view what,
                    const core_v1::LimitRangeItem& item, std::vector<std::string>& notes) {
  for (core_v1::Container& container : containers) {
    const auto limits = Fill(container.resources.limits, item.default_);
    const auto requests = Fill(container.resources.requests, item.default_request);
    if (!requests.empty()) {
      notes.push_back(
          fmt::format("{} request for {} {}", fmt::join(requests, ", "), what, container.name));
    }
    if (!limits.empty()) {
      notes.push_back(
          fmt::format("{} limit for {} {}", fmt::join(limits, ", "), what, container.name));
    }
  }
}

// What one LimitRange says against something.
struct Bounds {
  const core_v1::LimitRangeItem& item;
  const ResourceList& requests;
  const ResourceList& limits;
  bool is_claim = false;  // Nobody looks at its limits.

  static const Quantity* Find(const ResourceList& list, const std::string& name) {
    const auto found = list.find(name);
    return found == list.end() ? nullptr : &found->second;
  }

  void CheckMin(const std::string& name, const Quantity& bound, std::vector<std::string>& out) {
    const Quantity* request = Find(requests, name);
    const Quantity* limit = Find(limits, name);
    const std::string start =
        fmt::format("minimum {} usage per {} is {}", name, item.type, bound.Text());
    if (request == nullptr) {
      out.push_back(start + ".  No request is specified");
    } else if (*request < bound) {
      out.push_back(start + ", but request is " + request->Text());
    } else if (limit != nullptr && *limit < bound) {
      out.push_back(start + ", but limit is " + limit->Text());
    }
  }

  void CheckMax(const std::string& name, const Quantity& bound, std::vector<std::string>& out) {
    const Quantity* request = Find(requests, name);
    const Quantity* limit = is_claim ? request : Find(limits, name);
    const std::string start =
        fmt::format("maximum {} usage per {} is {}", name, item.type, bound.Text());
    if (limit == nullptr) {
      out.push_back(start + (is_claim ? ".  No request is specified" : ".  No limit is specified"));
    } else if (*limit > bound) {
      out.push_back(start + (is_claim ? ", but request is " : ", but limit is ") + limit->Text());
    } else if (!is_claim && request != nullptr && *request > bound) {
      out.push_back(start + ", but request is " + request->Text());
    }
  }

  void CheckRatio(const std::string& name, const Quantity& bound, std::vector<std::string>& out) {
    const Quantity* request = Find(requests, name);
    const Quantity* limit = Find(limits, name);
    const std::string start =
        fmt::format("{} max limit to request ratio per {} is {}", name, item.type, bound.Text());
    if (request == nullptr || request->IsZero()) {
      out.push_back(start + ", but no request is specified or request is 0");
    } else if (limit == nullptr || limit->IsZero()) {
      out.push_back(start + ", but no limit is specified or limit is 0");
    } else {
      const double ratio =
          static_cast<double>(limit->MilliValue()) / static_cast<double>(request->MilliValue());
      if (ratio * 1000 > static_cast<double>(bound.MilliValue())) {
        out.push_back(start + fmt::format(", but provided ratio is {:f}", ratio));
      }
    }
  }

  void Check(std::vector<std::string>& out) {
    for (const auto& [name, bound] : item.min) CheckMin(name, bound, out);
    for (const auto& [name, bound] : item.max) CheckMax(name, bound, out);
    if (is_claim) return;
    for (const auto& [name, bound] : item.max_limit_request_ratio) CheckRatio(name, bound, out);
  }
};

ResourceList PodTotal(const core_v1::PodSpec& spec, bool limits) {
  ResourceList total = AggregateContainers(
      spec, [&](const core_v1::ResourceRequirements& resources) -> const ResourceList& {
        return limits ? resources.limits : resources.requests;
      });
  if (spec.resources) {
    // Kubernetes overlooks here what a pod has of huge pages as a whole.
    for (const auto& [name, amount] : limits ? spec.resources->limits : spec.resources->requests) {
      if (name == "cpu" || name == "memory") total[name] = amount;
    }
  }
  return total;
}

void CheckPod(const core_v1::PodSpec& spec, const core_v1::LimitRangeItem& item,
              std::vector<std::string>& out) {
  if (item.type == "Container") {
    for (const auto* containers : {&spec.containers, &spec.init_containers}) {
      for (const auto& container : *containers) {
        Bounds{item, container.resources.requests, container.resources.limits}.Check(out);
      }
    }
  } else if (item.type == "Pod") {
    const ResourceList requests = PodTotal(spec, false);
    const ResourceList limits = PodTotal(spec, true);
    Bounds{item, requests, limits}.Check(out);
  }
}

class LimitRanger final : public AdmissionPlugin, public Admits, public Validates {
 public:
  explicit LimitRanger(Caches& caches) : caches_(caches) {}
  std::string_view name() const override { return "LimitRanger"; }

  Result<> Admit(AdmissionRequest& request) override {
    if (!SetsResources(request) || IsGoing(request)) return {};
    core_v1::Pod& pod = *request.object->As<core_v1::Pod>();
    bool is_whole = false;
    const auto ranges = caches_.limit_ranges.InNamespace(request.namespace_name, &is_whole);
    if (!is_whole) return DenyUnready(request);
    for (const auto& range : ranges) {
      std::vector<std::string> notes;
      for (const auto& item : range->spec.limits) {
        if (item.type != "Container") continue;
        FillContainers(pod.spec.containers, "container", item, notes);
        FillContainers(pod.spec.init_containers, "init container", item, notes);
      }
      if (!notes.empty()) {
        pod.metadata.annotations[kAnnotation] =
            fmt::format("LimitRanger plugin set: {}", fmt::join(notes, "; "));
      }
    }
    return {};
  }

  Result<> Validate(const AdmissionRequest& request) override {
    const bool pod = SetsResources(request);
    const bool claim = request.object != nullptr && request.Is("", "persistentvolumeclaims");
    if ((!pod && !claim) || IsGoing(request)) return {};
    bool is_whole = false;
    const auto ranges = caches_.limit_ranges.InNamespace(request.namespace_name, &is_whole);
    if (!is_whole) return DenyUnready(request);
    for (const auto& range : ranges) {
      std::vector<std::string> wrong;
      for (const auto& item : range->spec.limits) {
        if (pod) CheckPod(request.object->As<core_v1::Pod>()->spec, item, wrong);
        if (claim && item.type == "PersistentVolumeClaim") {
          const auto* object = request.object->As<core_v1::PersistentVolumeClaim>();
          Bounds{item, object->spec.resources.requests, ResourceList(), true}.Check(wrong);
        }
      }
      if (!wrong.empty()) return Deny(request, JoinedErrors(wrong));
    }
    return {};
  }

 private:
  static bool SetsResources(const AdmissionRequest& request) {
    return (request.operation == Operation::kCreate && request.Is("", "pods")) ||
           (request.operation == Operation::kUpdate && request.Is("", "pods", "resize"));
  }
  static bool IsGoing(const AdmissionRequest& request) {
    return request.old_object && request.old_object->metadata().deletion_timestamp;
  }

  Caches& caches_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeLimitRanger(const AdmissionParts& parts) {
  return std::make_unique<LimitRanger>(parts.caches);
}

}  // namespace skiff
