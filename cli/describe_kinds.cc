#include <algorithm>

#include "api/codec/base64.h"
#include "api/pods/token_secrets.h"
#include "cli/describe.h"
#include "cli/json_text.h"
#include "cli/rollout.h"

namespace skiff::cli {
namespace {

std::string TextOrNone(const std::string& text) {
  return text.empty() ? "<none>" : text;
}

// Each once, in an order of their own.
std::string AccessModes(const Json& modes) {
  constexpr std::pair<const char*, const char*> kShort[] = {{"ReadWriteOnce", "RWO"},
                                                            {"ReadOnlyMany", "ROX"},
                                                            {"ReadWriteMany", "RWX"},
                                                            {"ReadWriteOncePod", "RWOP"}};
  std::vector<std::string> texts;
  for (const auto& known : kShort) {
    const bool is_there = std::any_of(
        modes.begin(), modes.end(), [&](const Json& mode) { return TextOf(mode) == known.first; });
    if (is_there) texts.emplace_back(known.second);
  }
  return Join(texts, ",");
}

// "0" of what nobody said.
std::string AmountOrZero(const Json& amount) {
  return amount.is_null() ? "0" : PlainText(amount);
}

std::string FinalizersText(const Json& object) {
  return fmt::format("[{}]", Join(TextsAt(At(object, "metadata"), "finalizers"), " "));
}

std::string PhaseText(const DescribeContext& context, const Json& object) {
  return At(object, "metadata", "deletionTimestamp").is_null()
             ? TextAt(object, "status", "phase")
             : TerminatingText(object, context.now);
}

}  // namespace

Result<std::vector<Json>> ListForDescribe(DescribeContext& context, const char* type,
                                          const ListOptions& options) {
  const ServedKind kind = TRY(context.session.kinds().Find(type));
  ListOptions in_pages = options;
  in_pages.limit = PageLimit(context.chunk_size);
  JsonList list = TRY(context.session.api().List(kind.resource, in_pages));
  return std::move(list.items);
}

std::vector<Json> ListNeeded(DescribeContext& context, const char* type,
                             const ListOptions& options) {
  auto list = ListForDescribe(context, type, options);
  if (list) return std::move(*list);
  if (!context.failure) context.failure = list.error();
  return {};
}

std::string StorageClassOf(const Json& object) {
  const std::string of_beta =
      TextAt(object, "metadata", "annotations", "volume.beta.kubernetes.io/storage-class");
  return of_beta.empty() ? TextAt(object, "spec", "storageClassName") : of_beta;
}

void DescribeConfigMap(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  out.Head(object);
  out.Line(0, "\nData\n====");
  if (const Json& data = At(object, "data"); data.is_object()) {
    for (const auto& [key, value] : data.items()) {
      out.Line(0, key + ":\n----\n" + TextOf(value) + "\n");
    }
  }
  out.Line(0, "\nBinaryData\n====");
  if (const Json& data = At(object, "binaryData"); data.is_object()) {
    for (const auto& [key, value] : data.items()) {
      const auto bytes = DecodeBase64(TextOf(value));
      out.Line(0, fmt::format("{}: {} bytes", key, bytes ? bytes->size() : 0));
    }
  }
  out.Line(0, "");
}

void DescribeSecret(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  out.Head(object);
  const std::string type = TextAt(object, "type");
  out.Line(0, "\nType:\t" + type + "\n\nData\n====");
  const Json& data = At(object, "data");
  if (!data.is_object()) return;
  for (const auto& [key, value] : data.items()) {
    const auto bytes = DecodeBase64(TextOf(value));
    const std::string text = bytes ? *bytes : "";
    const bool token = type == kTokenSecretType && key == "token";
    out.Field(0, key, token ? text : fmt::format("{} bytes", text.size()));
  }
}

namespace {

// What holds one that is to go.
void WriteNamespaceConditions(DescribeWriter& out, const Json& conditions) {
  if (!conditions.is_array() || conditions.empty()) return;
  out.Line(0, "Conditions:\n  Type\tStatus\tLastTransitionTime\tReason\tMessage");
  out.Line(1, "----\t------\t------------------\t------\t-------");
  for (const Json& each : conditions) {
    out.Line(1, fmt::format("{}\t{}\t{}\t{}\t{}", TextAt(each, "type"), TextAt(each, "status"),
                            DescribeMoment(TextAt(each, "lastTransitionTime")),
                            TextAt(each, "reason"), TextAt(each, "message")));
  }
}

// nullopt where the server has no such kind, of which nothing is said then.
std::optional<std::vector<Json>> ListServed(DescribeContext& context, const char* type,
                                            const ListOptions& options) {
  auto list = ListForDescribe(context, type, options);
  if (list) return std::move(*list);
  if (list.error().reason != Reason::kNotFound) context.failure = list.error();
  return std::nullopt;
}

void WriteQuotas(DescribeWriter& out, const std::vector<Json>& quotas) {
  if (quotas.empty()) {
    out.Line(0, "\nNo resource quota.");
    return;
  }
  out.Line(0, "\nResource Quotas");
  for (const Json& quota : quotas) {
    out.Line(1, "Name:\t" + NameOf(quota));
    auto scopes = TextsAt(At(quota, "spec"), "scopes");
    std::sort(scopes.begin(), scopes.end());
    if (!scopes.empty()) out.Line(1, "Scopes:\t" + Join(scopes, ", "));
    for (const std::string& scope : scopes) {
      if (const std::string help = ScopeHelp(scope); !help.empty()) out.Line(1, "* " + help);
    }
    out.Line(1, "Resource\tUsed\tHard\n  --------\t---\t---");
    const Json& hard = At(quota, "status", "hard");
    if (!hard.is_object()) continue;
    for (const auto& [name, amount] : hard.items()) {
      out.Line(1, fmt::format("{}\t{}\t{}", name, AmountOrZero(At(quota, "status", "used", name)),
                              PlainText(amount)));
    }
  }
}

}  // namespace

void DescribeNamespace(DescribeWriter& out, DescribeContext& context, const Json& object) {
  out.Field(0, "Name", NameOf(object));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
  out.Field(0, "Status", TextAt(object, "status", "phase"));
  WriteNamespaceConditions(out, At(object, "status", "conditions"));
  ListOptions options;
  options.namespace_ = NameOf(object);
  if (const auto quotas = ListServed(context, "resourcequotas", options)) WriteQuotas(out, *quotas);
  const auto limits = ListServed(context, "limitranges", options);
  if (!limits) return;
  out.Line(0, limits->empty() ? "\nNo LimitRange resource." : "\nResource Limits");
  if (limits->empty()) return;
  out.Line(0, " Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio");
  out.Line(0, " ----\t--------\t---\t---\t---------------\t-------------\t-----------------------");
  for (const Json& range : *limits) WriteLimits(out, " ", range);
}

namespace {

// Volumes that a pod has for itself alone are its claims, too.
std::vector<std::string> PodsUsing(const std::vector<Json>& pods, const Json& claim) {
  std::vector<std::string> users;
  for (const Json& pod : pods) {
    size_t uses = 0;
    for (const Json& volume : At(pod, "spec", "volumes")) {
      uses += TextAt(volume, "persistentVolumeClaim", "claimName") == NameOf(claim) ? 1 : 0;
    }
    if (uses == 0) {
      const std::string uid = TextAt(pod, "metadata", "uid");
      for (const Json& owner : At(claim, "metadata", "ownerReferences")) {
        if (TextAt(owner, "kind") != "Pod" || TextAt(owner, "uid") != uid) continue;
        uses = 1;
        break;
      }
    }
    users.insert(users.end(), uses, NameOf(pod));
  }
  std::sort(users.begin(), users.end());
  return users;
}

// How far a claim is with its growth.
void WriteClaimConditions(DescribeWriter& out, const Json& conditions) {
  if (!conditions.is_array() || conditions.empty()) return;
  out.Line(0, "Conditions:");
  out.Line(1, "Type\tStatus\tLastProbeTime\tLastTransitionTime\tReason\tMessage");
  out.Line(1, "----\t------\t-----------------\t------------------\t------\t-------");
  for (const Json& each : conditions) {
    out.Line(1, fmt::format("{} \t{} \t{} \t{} \t{} \t{}", TextAt(each, "type"),
                            TextAt(each, "status"), DescribeMoment(TextAt(each, "lastProbeTime")),
                            DescribeMoment(TextAt(each, "lastTransitionTime")),
                            TextAt(each, "reason"), TextAt(each, "message")));
  }
}

}  // namespace

void DescribeClaim(DescribeWriter& out, DescribeContext& context, const Json& object) {
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Namespace", NamespaceOf(object));
  out.Field(0, "StorageClass", StorageClassOf(object));
  out.Field(0, "Status", PhaseText(context, object));
  out.Field(0, "Volume", TextAt(object, "spec", "volumeName"));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
  out.Field(0, "Finalizers", FinalizersText(object));
  const bool is_bound = !TextAt(object, "spec", "volumeName").empty();
  const Json& status = At(object, "status");
  out.Field(0, "Capacity", is_bound ? AmountOrZero(At(status, "capacity", "storage")) : "");
  out.Field(0, "Access Modes", is_bound ? AccessModes(At(status, "accessModes")) : "");
  out.FieldIf(0, "VolumeMode", TextAt(object, "spec", "volumeMode"));
  if (const Json& source = At(object, "spec", "dataSource"); source.is_object()) {
    out.Line(0, "DataSource:");
    out.FieldIf(1, "APIGroup", TextAt(source, "apiGroup"));
    out.Field(1, "Kind", TextAt(source, "kind"));
    out.Field(1, "Name", TextAt(source, "name"));
  }
  ListOptions options;
  options.namespace_ = NamespaceOf(object);
  const auto users = PodsUsing(ListNeeded(context, "pods", options), object);
  out.Field(0, "Used By", users.empty() ? "<none>" : users[0]);
  for (size_t i = 1; i < users.size(); ++i) out.Line(0, "\t" + users[i]);
  WriteClaimConditions(out, At(status, "conditions"));
}

void DescribeVolume(DescribeWriter& out, DescribeContext& context, const Json& object) {
  const Json& spec = At(object, "spec");
  out.Field(0, "Name", NameOf(object));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
  out.Field(0, "Finalizers", FinalizersText(object));
  out.Field(0, "StorageClass", StorageClassOf(object));
  out.Field(0, "Status", PhaseText(context, object));
  const Json& claim = At(spec, "claimRef");
  out.Field(0, "Claim",
            claim.is_object() ? TextAt(claim, "namespace") + "/" + TextAt(claim, "name") : "");
  out.Field(0, "Reclaim Policy", TextAt(spec, "persistentVolumeReclaimPolicy"));
  out.Field(0, "Access Modes", AccessModes(At(spec, "accessModes")));
  out.FieldIf(0, "VolumeMode", TextAt(spec, "volumeMode"));
  out.Field(0, "Capacity", AmountOrZero(At(spec, "capacity", "storage")));
  const Json& terms = At(spec, "nodeAffinity", "required", "nodeSelectorTerms");
  if (!At(spec, "nodeAffinity", "required").is_object()) {
    out.Field(0, "Node Affinity", "<none>");
  } else if (!terms.is_array() || terms.empty()) {
    out.Line(0, "Node Affinity:\t");
    out.Field(1, "Required Terms", "<none>");
  } else {
    out.Line(0, "Node Affinity:\t");
    out.Line(1, "Required Terms:\t");
    for (size_t i = 0; i < terms.size(); ++i) {
      std::string text;
      for (const Json& each : At(terms[i], "matchExpressions")) {
        const auto values = TextsAt(each, "values");
        text += fmt::format("{}{} {}{}", text.empty() ? "" : "\n\t", TextAt(each, "key"),
                            Lower(TextAt(each, "operator")),
                            values.empty() ? "" : fmt::format(" [{}]", Join(values, ", ")));
      }
      out.Field(2, fmt::format("Term {}", i), text.empty() ? "<none>" : text);
    }
  }
  out.Field(0, "Message", TextAt(object, "status", "message"));
  out.Line(0, "Source:");
  WriteVolumeSource(out, 2, spec, /*of_volume=*/true);
}

void DescribeService(DescribeWriter& out, DescribeContext& context, const Json& object) {
  const Json& spec = At(object, "spec");
  out.Head(object);
  out.Field(0, "Selector", TextOrNone(SelectorText(At(spec, "selector"))));
  out.Field(0, "Type", TextAt(spec, "type"));
  out.FieldIf(0, "IP Family Policy", TextAt(spec, "ipFamilyPolicy"));
  out.Field(0, "IP Families", TextOrNone(Join(TextsAt(spec, "ipFamilies"), ",")));
  out.Field(0, "IP", TextAt(spec, "clusterIP"));
  out.Field(0, "IPs", TextOrNone(Join(TextsAt(spec, "clusterIPs"), ",")));
  out.FieldIf(0, "External IPs", Join(TextsAt(spec, "externalIPs"), ","));
  out.FieldIf(0, "Desired LoadBalancer IP", TextAt(spec, "loadBalancerIP"));
  out.FieldIf(0, "External Name", TextAt(spec, "externalName"));
  std::vector<std::string> ingress;
  for (const Json& each : At(object, "status", "loadBalancer", "ingress")) {
    const std::string ip = TextAt(each, "ip"), mode = TextAt(each, "ipMode");
    ingress.push_back(ip.empty()     ? TextAt(each, "hostname")
                      : mode.empty() ? ip
                                     : fmt::format("{} ({})", ip, mode));
  }
  out.FieldIf(0, "LoadBalancer Ingress", Join(ingress, ", "));
  ListOptions options;
  options.namespace_ = NamespaceOf(object);
  options.label_selector = "kubernetes.io/service-name=" + NameOf(object);
  const auto slices = ListForDescribe(context, "endpointslices", options)
                          .value_or(std::vector<Json>());  // Others have none of these.
  for (const Json& port : At(spec, "ports")) {
    const std::string name = TextAt(port, "name").empty() ? "<unset>" : TextAt(port, "name");
    const std::string protocol = TextAt(port, "protocol");
    out.Line(0, fmt::format("Port:\t{}\t{}/{}", name, IntAt(port, "port"), protocol));
    out.Field(0, "TargetPort", fmt::format("{}/{}", PlainText(At(port, "targetPort")), protocol));
    if (IntAt(port, "nodePort") != 0) {
      out.Line(0, fmt::format("NodePort:\t{}\t{}/{}", name, IntAt(port, "nodePort"), protocol));
    }
    out.Field(0, "Endpoints", EndpointsText(slices, TextAt(port, "name")));
  }
  out.Field(0, "Session Affinity", TextAt(spec, "sessionAffinity"));
  out.FieldIf(0, "External Traffic Policy", TextAt(spec, "externalTrafficPolicy"));
  out.FieldIf(0, "Internal Traffic Policy", TextAt(spec, "internalTrafficPolicy"));
  if (IntAt(spec, "healthCheckNodePort") != 0) {
    out.Field(0, "HealthCheck NodePort", std::to_string(IntAt(spec, "healthCheckNodePort")));
  }
  out.FieldIf(0, "LoadBalancer Source Ranges",
              Join(TextsAt(spec, "loadBalancerSourceRanges"), ","));
  out.FieldIf(0, "Traffic Distribution", TextAt(spec, "trafficDistribution"));
}

}  // namespace skiff::cli
