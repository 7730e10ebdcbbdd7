#include "kubelet/streaming/kubelet_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/codec/typed.h"
#include "api/pods/pod_phase.h"
#include "base/metrics.h"
#include "base/seconds.h"

namespace skiff::kubelet {
namespace {

std::optional<int64_t> Number(const http::Request& request, std::string_view name) {
  const auto text = request.Query(name);
  if (!text) return std::nullopt;
  int64_t value = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), value);
  return parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

Result<int32_t> PortOf(const std::string& given, std::string_view text) {
  uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    const bool is_great = parsed.ec == std::errc::result_out_of_range;
    return Fail(Reason::kBadRequest,
                fmt::format("unable to parse \"{}\" as a port: strconv.ParseUint: parsing "
                            "\"{}\": {}",
                            given, text, is_great ? "value out of range" : "invalid syntax"));
  }
  if (port > 0) return int32_t{port};
  return Fail(Reason::kBadRequest, fmt::format("port \"{}\" must be > 0", given));
}

// Why the container has no log yet, in the kubelet's words.
std::string WaitingText(const core_v1::Pod& pod, const std::string& name) {
  std::string why = "ContainerCreating";
  for (const auto* list : {&pod.status.container_statuses, &pod.status.init_container_statuses,
                           &pod.status.ephemeral_container_statuses}) {
    for (const auto& status : *list) {
      if (status.name != name || !status.state.waiting) continue;
      if (!status.state.waiting->reason.empty()) why = status.state.waiting->reason;
    }
  }
  if (why == "ErrImagePull") why = "image can't be pulled";
  if (why == "ImagePullBackOff") why = "trying and failing to pull image";
  return fmt::format("container \"{}\" in pod \"{}\" is waiting to start: {}", name,
                     pod.metadata.name, why);
}

}  // namespace

std::vector<std::string> PathParts(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool IsTrue(const http::Request& request, std::string_view name) {
  const auto value = request.Query(name);
  return value && (*value == "true" || *value == "1");
}

Result<LogOptions> LogOptionsOf(const http::Request& request, TimePoint now) {
  LogOptions options;
  options.follow = IsTrue(request, "follow");
  options.timestamps = IsTrue(request, "timestamps");
  options.tail_lines = Number(request, "tailLines");
  options.limit_bytes = Number(request, "limitBytes");
  if (const auto seconds = Number(request, "sinceSeconds")) options.since = now - Seconds(*seconds);
  if (const auto text = request.Query("sinceTime")) {
    const Time time = TRY(Time::Parse(*text));
    options.since = time.point();
  }
  return options;
}

cri::StreamOptions StreamsOf(const http::Request& request) {
  // The API server's names, and kubelet's older ones.
  const auto wants = [&](std::string_view name, std::string_view old_name) {
    return IsTrue(request, name) || IsTrue(request, old_name);
  };
  return {wants("tty", "tty"), wants("stdin", "input"), wants("stdout", "output"),
          wants("stderr", "error")};
}

std::vector<std::string> CommandOf(const http::Request& request) {
  std::vector<std::string> command;
  for (const auto& [name, value] : request.query) {
    if (name == "command") command.push_back(value);
  }
  return command;
}

Result<std::vector<int32_t>> ForwardedPortsOf(const http::Request& request) {
  std::vector<int32_t> ports;
  for (const auto& [name, value] : request.query) {
    if (name != "port") continue;
    if (value.empty()) {
      return Fail(Reason::kBadRequest, "query parameter \"port\" cannot be empty");
    }
    for (size_t begin = 0; begin <= value.size();) {
      const size_t end = std::min(value.find(',', begin), value.size());
      const int32_t port = TRY(PortOf(value, std::string_view(value).substr(begin, end - begin)));
      ports.push_back(port);
      begin = end + 1;
    }
  }
  return ports;
}

std::optional<http::Response> NoStreams(const http::Request& request) {
  const cri::StreamOptions streams = StreamsOf(request);
  // A terminal has one output.
  if (streams.stdin || streams.stdout || (streams.stderr && !streams.tty)) return std::nullopt;
  return PlainAnswer(400, "you must specify at least 1 of stdin, stdout, stderr");
}

bool HasContainer(const core_v1::Pod& pod, const std::string& name) {
  const auto has = [&](const auto& list) {
    return std::any_of(list.begin(), list.end(),
                       [&](const auto& each) { return each.name == name; });
  };
  return has(pod.spec.containers) || has(pod.spec.init_containers) ||
         has(pod.spec.ephemeral_containers);
}

http::Response MetricsAnswer(std::string text) {
  http::Response response = PlainAnswer(200, std::move(text));
  response.content_type = MetricRegistry::kContentType;
  return response;
}

http::Response PlainAnswer(int status, std::string text) {
  http::Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(text);
  return response;
}

http::Response JsonAnswer(const Json& document) {
  http::Response response;
  response.content_type = "application/json";
  response.body = document.dump();
  return response;
}

http::Response NoCommand() {
  return PlainAnswer(400, "you must specify at least 1 command for the container");
}

http::Response NoLog(const core_v1::Pod& pod, const std::string& container, bool previous) {
  // Of a pod that was refused no container has a status.
  if (HasEnded(pod.status.phase) && pod.status.container_statuses.empty()) {
    return PlainAnswer(400, fmt::format("container \"{}\" in pod \"{}\" is not available",
                                        container, pod.metadata.name));
  }
  if (!previous) return PlainAnswer(400, WaitingText(pod, container));
  return PlainAnswer(400,
                     fmt::format("previous terminated container \"{}\" in pod \"{}\" not found",
                                 container, pod.metadata.name));
}

http::Response PodListAnswer(const std::vector<std::shared_ptr<const core_v1::Pod>>& pods) {
  Json list = {{"kind", "PodList"}, {"apiVersion", "v1"}, {"metadata", Json::object()}};
  list["items"] = Json::array();
  for (const auto& pod : pods) list["items"].push_back(ToJson(*pod));
  return JsonAnswer(list);
}

}  // namespace skiff::kubelet
