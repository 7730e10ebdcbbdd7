#include "controllers/metrics/metrics_server.h"

#include <fmt/format.h>

#include "api/codec/json.h"
#include "api/select/selector.h"
#include "controllers/metrics/documents.h"
#include "controllers/metrics/encodings.h"

namespace skiff::metrics {
namespace {

using core_v1::Node;
using core_v1::Pod;

constexpr std::string_view kRoot = "/apis/metrics.k8s.io/v1beta1";
constexpr std::string_view kOpenApi = "/openapi/v3/apis/metrics.k8s.io/v1beta1";

http::Response DocumentAnswer(const Json& document) {
  http::Response response;
  response.content_type = "application/json";
  response.body = DumpJson(document);
  return response;
}

// Which objects a list is of.
struct Selection {
  LabelSelector labels;
  FieldSelector fields;
  bool Takes(const meta_v1::ObjectMeta& object) const {
    return labels.Matches(object.labels) && fields.MatchesBy([&](std::string_view field) {
      return field == "metadata.namespace" ? object.namespace_ : object.name;
    });
  }
};

Result<Selection> SelectionOf(const http::Request& request, bool namespaced) {
  Selection selection;
  if (const auto text = request.Query("labelSelector")) {
    selection.labels = TRY(LabelSelector::Parse(*text));
  }
  if (const auto text = request.Query("fieldSelector")) {
    selection.fields = TRY(FieldSelector::Parse(*text));
  }
  for (const FieldTerm& term : selection.fields.terms()) {
    const bool is_known =
        term.field == "metadata.name" || (namespaced && term.field == "metadata.namespace");
    if (!is_known) {
      return Fail(Reason::kBadRequest,
                  fmt::format("field label not supported: {}", term.field));
    }
  }
  return selection;
}

std::vector<std::string> SegmentsOf(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // The slash.
    const size_t end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

Error Missing(const char* group, const char* kind, const std::string& name) {
  const std::string dot = *group == '\0' ? "" : ".";
  Error error{Reason::kNotFound,
              fmt::format("{}{}{} \"{}\" not found", kind, dot, group, name)};
  error.details = ErrorDetails{.name = name, .group = group, .kind = kind};
  return error;
}

Error NoSuchPath() {
  return {Reason::kNotFound, "the server could not find the requested resource"};
}

Described DescribedBy(const meta_v1::ObjectMeta& object) {
  return {object.namespace_, object.name, object.labels};
}

}  // namespace

struct MetricsServer::Question {
  const http::Request& request;
  std::string name_space;  // "": all, or those of nodes.
  std::string name;        // "": a list.
};

void MetricsServer::Enter(World world) {
  const MutexLock lock(mutex_);
  world_.emplace(std::move(world));
}

void MetricsServer::Leave() {
  const MutexLock lock(mutex_);
  world_.reset();
}

Result<http::Response> MetricsServer::Answer(const http::Request& request) {
  std::string_view path = request.path;
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path == kOpenApi) return DocumentAnswer(OpenApiDocument());
  if (!path.starts_with(kRoot)) return Fail(NoSuchPath());
  std::vector<std::string> segments = SegmentsOf(path.substr(kRoot.size()));
  if (request.method != "GET" || request.Query("watch") == "true" ||
      request.Query("watch") == "1") {
    return Fail(Reason::kMethodNotAllowed,
                "the server does not allow this method on the requested resource");
  }
  if (segments.empty()) return DocumentAnswer(ResourceList());
  Question question{request, "", ""};
  const bool in_namespace = segments.size() >= 3 && segments[0] == "namespaces";
  if (in_namespace) {
    question.name_space = segments[1];
    segments.erase(segments.begin(), segments.begin() + 2);
  }
  if (segments.size() == 2) question.name = segments[1];
  const bool is_pods = segments[0] == "pods" && (in_namespace || segments.size() == 1);
  const bool is_nodes = segments[0] == "nodes" && !in_namespace;
  if (segments.size() > 2 || (!is_pods && !is_nodes)) return Fail(NoSuchPath());
  const bool begins = table_.Asked(clock_.Monotonic());
  const MutexLock lock(mutex_);
  if (!world_) return Fail(Reason::kServiceUnavailable, "nobody looks at the nodes yet");
  if (begins) world_->scraper->Wake();
  return is_pods ? AnswerPods(question) : AnswerNodes(question);
}

std::optional<Json> MetricsServer::MetricsOf(const Node& node) const {
  const auto usage = table_.OfNode(node.metadata.name);
  if (!usage) return std::nullopt;
  return NodeMetricsOf(DescribedBy(node.metadata), *usage, clock_.Now());
}

std::optional<Json> MetricsServer::MetricsOf(const Pod& pod) const {
  if (pod.status.phase != "Running") return std::nullopt;
  const auto usages =
      table_.OfPod(pod.spec.node_name, pod.metadata.namespace_, pod.metadata.name);
  if (!usages) return std::nullopt;
  return PodMetricsOf(DescribedBy(pod.metadata), *usages, clock_.Now());
}

Result<http::Response> MetricsServer::AnswerNodes(const Question& question) {
  if (!question.name.empty()) {
    const auto node = world_->nodes.Get({"", question.name});
    if (!node) return Fail(Missing("", "nodes", question.name));
    auto metrics = MetricsOf(*node);
    if (!metrics) return Fail(Missing(kGroup, "nodemetrics", question.name));
    return EncodedAnswer(question.request, SingleOf("NodeMetrics", std::move(*metrics)),
                         clock_.Now());
  }
  const Selection selection = TRY(SelectionOf(question.request, /*namespaced=*/false));
  Json items = Json::array();
  for (const auto& node : world_->nodes.List()) {
    if (!selection.Takes(node->metadata)) continue;
    if (auto metrics = MetricsOf(*node)) items.push_back(std::move(*metrics));
  }
  return EncodedAnswer(question.request, ListOf("NodeMetrics", std::move(items)), clock_.Now());
}

Result<http::Response> MetricsServer::AnswerPods(const Question& question) {
  const std::string& space = question.name_space;
  if (!question.name.empty()) {
    const auto pod = world_->pods.Get({space, question.name});
    if (!pod) return Fail(Missing("", "pods", question.name));
    auto metrics = MetricsOf(*pod);
    if (!metrics) return Fail(Missing(kGroup, "podmetrics", space + "/" + question.name));
    return EncodedAnswer(question.request, SingleOf("PodMetrics", std::move(*metrics)),
                         clock_.Now());
  }
  const Selection selection = TRY(SelectionOf(question.request, /*namespaced=*/true));
  Json items = Json::array();
  for (const auto& pod : space.empty() ? world_->pods.List() : world_->pods.ListIn(space)) {
    if (!selection.Takes(pod->metadata)) continue;
    if (auto metrics = MetricsOf(*pod)) items.push_back(std::move(*metrics));
  }
  return EncodedAnswer(question.request, ListOf("PodMetrics", std::move(items)), clock_.Now());
}

}  // namespace skiff::metrics
