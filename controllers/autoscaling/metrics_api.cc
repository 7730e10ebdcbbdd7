#include "controllers/autoscaling/metrics_api.h"

#include <fmt/format.h>

#include "api/codec/json.h"
#include "api/pods/pod_resources.h"
#include "api/text/go_text.h"
#include "api/text/time_text.h"
#include "base/seconds.h"
#include "client/transport.h"

namespace skiff::autoscaler {
namespace {

constexpr std::string_view kCustomGroup = "custom.metrics.k8s.io";
// Where a metric does not say over which time it was measured.
constexpr Duration kUsualWindow = 1min;

const Json& MemberOf(const Json& object, const char* name) {
  static const Json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

std::string TextOf(const Json& value) {
  return value.is_string() ? value.get<std::string>() : "";
}

std::optional<int64_t> MilliOf(const Json& amount) {
  const auto quantity = Quantity::Parse(amount.is_number() ? amount.dump() : TextOf(amount));
  if (!quantity) return std::nullopt;
  return quantity->MilliValue();
}

TimePoint TimeOf(const Json& item) {
  const auto time = Time::Parse(TextOf(MemberOf(item, "timestamp")));
  return time ? time->point() : TimePoint();
}

std::optional<int64_t> UsageOfContainer(const Json& container, const std::string& resource) {
  return MilliOf(MemberOf(MemberOf(container, "usage"), resource.c_str()));
}

// What a pod uses in all, or that container of it.
std::optional<int64_t> UsageOfPod(const Json& containers, const std::string& resource,
                                  const std::string& wanted) {
  if (!containers.is_array() || containers.empty()) return std::nullopt;
  int64_t sum = 0;
  for (const Json& container : containers) {
    if (!wanted.empty()) {
      if (TextOf(MemberOf(container, "name")) == wanted) {
        return UsageOfContainer(container, resource);
      }
      continue;
    }
    const auto usage = UsageOfContainer(container, resource);
    if (!usage) return std::nullopt;
    sum = SaturatedSum(sum, *usage);
  }
  return wanted.empty() ? std::optional(sum) : std::nullopt;
}

Duration WindowOf(const Json& item) {
  // v1beta1 has another name for it.
  for (const char* name : {"windowSeconds", "window"}) {
    const Json& window = MemberOf(item, name);
    if (window.is_number_integer()) return Seconds(window.get<int64_t>());
  }
  return kUsualWindow;
}

std::string BodyOf(const http::Response& response) {
  std::string body = response.body;
  for (const http::SharedBytes& piece : response.pieces) body += *piece;
  return body;
}

// What client-go makes of an answer that is no Status.
std::string WordsFor(int status, const std::string& body, const std::string& what) {
  const std::string of = fmt::format(" (get {})", what);
  switch (status) {
    case 401:
      return "the server has asked for the client to provide credentials" + of;
    case 403:
      return body;
    case 404:
      return "the server could not find the requested resource" + of;
    case 429:
      return "the server has received too many requests and has asked us to try again later" + of;
    case 503:
      return "the server is currently unable to handle the request" + of;
    case 504:
      return "the server was unable to return a response in the time allotted, but may still be "
             "processing the request" +
             of;
    default:
      break;
  }
  if (status >= 500) {
    return fmt::format("an error on the server ({}) has prevented the request from succeeding{}",
                       GoQuote(body), of);
  }
  return fmt::format("the server responded with the status code {} but did not return more "
                     "information{}",
                     status, of);
}

Result<Json> Ask(Client& client, const std::string& path,
                 std::vector<std::pair<std::string, std::string>> query, const std::string& what) {
  http::Request request;
  request.method = "GET";
  request.path = path;
  request.query = std::move(query);
  request.headers.emplace("Accept", "application/json");
  request.headers.emplace("User-Agent", "horizontal-pod-autoscaler");
  const http::Response response = client.transport().Send(std::move(request));
  const std::string body = BodyOf(response);
  const auto document = ParseJson(body);
  const bool is_status = document && TextOf(MemberOf(*document, "kind")) == "Status";
  if (response.status >= 200 && response.status <= 299) {
    if (document && document->is_object()) return *document;
    return Fail(Reason::kInternalError, "the server's answer is not JSON: " + path);
  }
  if (is_status) return Fail(ErrorFromStatus(*document, response.status));
  Error error{Reason::kUnknown, WordsFor(response.status, body, what)};
  error.http_code = response.status;
  return Fail(std::move(error));
}

Error From(const std::string& api, const Error& error) {
  return {Reason::kUnknown,
          fmt::format("unable to fetch metrics from {} metrics API: {}", api, error.message)};
}

Error NothingFrom(const std::string& api) {
  return {Reason::kUnknown, fmt::format("no metrics returned from {} metrics API", api)};
}

std::vector<std::pair<std::string, std::string>> Selecting(const std::string& labels) {
  if (labels.empty()) return {};
  return {{"labelSelector", labels}};
}

}  // namespace

PodMetrics PodUsageFrom(const Json& items, const std::string& resource,
                        const std::string& container) {
  PodMetrics metrics;
  for (const Json& item : items) {
    const auto usage = UsageOfPod(MemberOf(item, "containers"), resource, container);
    if (!usage) continue;
    const std::string period = TextOf(MemberOf(item, "window"));
    const auto window = ParseGoDuration(std::string_view(period));
    metrics[TextOf(MemberOf(MemberOf(item, "metadata"), "name"))] = {
        .milli = *usage, .at = TimeOf(item), .window = Duration(window.value_or(0))};
  }
  return metrics;
}

PodMetrics PodMetricsFrom(const Json& items) {
  PodMetrics metrics;
  for (const Json& item : items) {
    const auto value = MilliOf(MemberOf(item, "value"));
    if (!value) continue;
    metrics[TextOf(MemberOf(MemberOf(item, "describedObject"), "name"))] = {
        .milli = *value, .at = TimeOf(item), .window = WindowOf(item)};
  }
  return metrics;
}

Result<Json> MetricsApi::Items(const std::string& path, Query query, const std::string& what) {
  const Json list = TRY(Ask(client_, path, std::move(query), what));
  const Json& items = MemberOf(list, "items");
  return items.is_array() ? items : Json::array();
}

Result<PodMetrics> MetricsApi::OfResource(const std::string& name_space,
                                          const std::string& selector,
                                          const std::string& resource,
                                          const std::string& container) {
  const std::string api = "resource";
  const auto items = Items(fmt::format("/apis/metrics.k8s.io/v1beta1/namespaces/{}/pods",
                                       name_space),
                           Selecting(selector), "pods.metrics.k8s.io");
  if (!items) return Fail(From(api, items.error()));
  if (items->empty()) return Fail(NothingFrom(api));
  return PodUsageFrom(*items, resource, container);
}

Result<std::string> MetricsApi::CustomRoot() {
  const Error none{Reason::kNotFound,
                   fmt::format("no custom metrics API ({}) registered", kCustomGroup)};
  const std::string path = "/apis/" + std::string(kCustomGroup);
  const auto group = Ask(client_, path, {}, std::string(kCustomGroup));
  if (!group) return Fail(group.error().http_code == 404 ? none : group.error());
  std::vector<std::string> versions = {
      TextOf(MemberOf(MemberOf(*group, "preferredVersion"), "version"))};
  const Json& all = MemberOf(*group, "versions");
  for (const Json& each : all.is_array() ? all : Json::array()) {
    versions.push_back(TextOf(MemberOf(each, "version")));
  }
  for (const std::string& version : versions) {
    if (version == "v1beta2" || version == "v1beta1") return path + "/" + version;
  }
  return Fail(none);
}

Result<PodMetrics> MetricsApi::OfPods(const std::string& name_space, const std::string& selector,
                                      const MetricName& metric) {
  const std::string api = "custom";
  const auto root = CustomRoot();
  if (!root) return Fail(From(api, root.error()));
  Query query = Selecting(selector);
  if (!metric.selector.empty()) query.emplace_back("metricLabelSelector", metric.selector);
  const auto items =
      Items(fmt::format("{}/namespaces/{}/pods/*/{}", *root, name_space, metric.name),
            std::move(query), "pods.custom.metrics.k8s.io *");
  if (!items) return Fail(From(api, items.error()));
  if (items->empty()) return Fail(NothingFrom(api));
  return PodMetricsFrom(*items);
}

Result<int64_t> MetricsApi::OfObject(const std::string& name_space, const Resource& kind,
                                     const std::string& name, const MetricName& metric) {
  const auto ask = [&]() -> Result<int64_t> {
    const std::string root = TRY(CustomRoot());
    const std::string group = kind.Group();
    const std::string resource = group.empty() ? kind.name : kind.name + "." + group;
    const bool of_namespace = kind.kind == "Namespace" && group.empty();
    const std::string at = of_namespace ? "metrics" : resource + "/" + name;
    Query query;
    if (!metric.selector.empty()) query.emplace_back("metricLabelSelector", metric.selector);
    const Json items =
        TRY(Items(fmt::format("{}/namespaces/{}/{}/{}", root, name_space, at, metric.name),
                  std::move(query), fmt::format("{}.custom.metrics.k8s.io {}", resource, name)));
    if (items.size() != 1) {
      return Fail(Reason::kUnknown,
                  fmt::format("the custom metrics API server returned {} results when we asked "
                              "for exactly one",
                              items.size()));
    }
    const auto value = MilliOf(MemberOf(items[0], "value"));
    if (!value) return Fail(Reason::kUnknown, "its value is no quantity");
    return *value;
  };
  const auto value = ask();
  if (!value) return Fail(From("custom", value.error()));
  return *value;
}

Result<int64_t> MetricsApi::OfElsewhere(const std::string& name_space, const MetricName& metric) {
  const std::string api = "external";
  const auto items = Items(fmt::format("/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/{}",
                                       name_space, metric.name),
                           Selecting(metric.selector),
                           metric.name + ".external.metrics.k8s.io");
  if (!items) return Fail(From(api, items.error()));
  if (items->empty()) return Fail(NothingFrom(api));
  int64_t sum = 0;
  for (const Json& item : *items) {
    sum = SaturatedSum(sum, MilliOf(MemberOf(item, "value")).value_or(0));
  }
  return sum;
}

}  // namespace skiff::autoscaler
