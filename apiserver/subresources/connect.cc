// pods/exec, pods/attach, pods/portforward and pods/log: passed on to the kubelet of the pod's
// node, which passes them on to the runtime. After an upgrade the server only copies bytes.
#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "apiserver/node_connections.h"
#include "apiserver/respond.h"
#include "apiserver/subresources/subresources.h"
#include "http/tunnel.h"

namespace skiff {
namespace {

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

std::vector<std::string> ContainerNames(const core_v1::Pod& pod) {
  std::vector<std::string> names;
  for (const auto& each : pod.spec.init_containers) names.push_back(each.name);
  for (const auto& each : pod.spec.containers) names.push_back(each.name);
  for (const auto& each : pod.spec.ephemeral_containers) names.push_back(each.name);
  return names;
}

Result<std::string> ChooseContainer(const core_v1::Pod& pod, std::string_view asked) {
  const auto names = ContainerNames(pod);
  const std::string& name = pod.metadata.name;
  if (!asked.empty()) {
    if (std::find(names.begin(), names.end(), asked) != names.end()) return std::string(asked);
    return Fail(Reason::kBadRequest,
                fmt::format("container {} is not valid for pod {}", asked, name));
  }
  if (pod.spec.containers.size() == 1) return pod.spec.containers[0].name;
  if (pod.spec.containers.empty()) {
    return Fail(Reason::kBadRequest,
                fmt::format("a container name must be specified for pod {}", name));
  }
  return Fail(Reason::kBadRequest,
              fmt::format("a container name must be specified for pod {}, choose one of: [{}]",
                          name, fmt::join(names, " ")));
}

bool IsTrue(const http::Request& request, std::string_view name) {
  const auto value = request.Query(name);
  return value && (*value == "true" || *value == "1");
}

// The kubelet's names for what the client asks, in alphabetical order.
std::string StreamQuery(const http::Request& request, bool with_command) {
  std::vector<std::string> terms;
  for (const auto& [name, value] : request.query) {
    if (with_command && name == "command") terms.push_back("command=" + Escape(value));
  }
  const bool tty = IsTrue(request, "tty");
  if (IsTrue(request, "stderr") && !tty) terms.push_back("error=1");
  if (IsTrue(request, "stdin")) terms.push_back("input=1");
  if (IsTrue(request, "stdout")) terms.push_back("output=1");
  if (tty) terms.push_back("tty=1");
  return fmt::format("?{}", fmt::join(terms, "&"));
}

// The API server's own credentials, not the client's, open the kubelet's door.
http::ClientRequest RequestFor(const http::Request& request, std::string target) {
  http::ClientRequest forwarded = http::ForwardedRequest(request);
  forwarded.target = std::move(target);
  forwarded.headers.erase("Authorization");
  return forwarded;
}

Result<http::Response> PassOn(Core& core, const ApiRequest& request, const core_v1::Pod& pod,
                              std::string target) {
  if (core.nodes == nullptr) {
    return Fail(Reason::kServiceUnavailable, "this server has no way to reach kubelets");
  }
  http::Forwarding forwarding;
  forwarding.upstream = TRY(KubeletOf(core.store, *core.nodes, pod.spec.node_name));
  forwarding.request = RequestFor(request.http, std::move(target));
  forwarding.on_error = [](const Error& error) {
    http::Response response;
    response.status = 500;
    response.content_type = "application/json";
    response.body =
        StatusText(Error{Reason::kInternalError, "error dialing backend: " + error.message});
    return response;
  };
  return http::Forward(core.nodes->loops, std::move(forwarding));
}

Result<http::Response> HandleStream(Core& core, ApiRequest& request, std::string_view word) {
  const auto pod =
      TRY(ReadTyped<core_v1::Pod>(core.store, request.info.namespace_name, request.info.name));
  if (pod->spec.node_name.empty()) {
    return Fail(Reason::kBadRequest,
                fmt::format("pod {} does not have a host assigned", pod->metadata.name));
  }
  if (!http::IsUpgrade(request.http)) return Fail(Reason::kBadRequest, "Upgrade request required");
  std::string target = fmt::format("/{}/{}/{}", word, pod->metadata.namespace_, pod->metadata.name);
  if (word == "portForward") {
    std::vector<std::string> ports;
    for (const auto& [name, value] : request.http.query) {
      if (name == "ports") ports.push_back(Escape(value));
    }
    if (!ports.empty()) target += fmt::format("?port={}", fmt::join(ports, "&port="));
    return PassOn(core, request, *pod, std::move(target));
  }
  const auto asked = request.http.Query("container").value_or("");
  target += "/" + TRY(ChooseContainer(*pod, asked));
  return PassOn(core, request, *pod, target + StreamQuery(request.http, word == "exec"));
}

// A kubelet's refusal, as the API words it.
void AnswerAsStatus(http::Response& response) {
  if (response.status < 400) return;
  // The kubelet's refusals are short and come at once.
  std::string text = response.body;
  if (response.stream) {
    std::vector<http::SharedBytes> pieces;
    response.stream->Attach([] {});
    constexpr size_t kTextMax = 4096;
    (void)response.stream->Pull(kTextMax, pieces);
    for (const auto& piece : pieces) text += *piece;
    response.stream = nullptr;
  }
  while (text.ends_with('\n')) text.pop_back();
  const Reason reason = response.status == 400   ? Reason::kBadRequest
                        : response.status == 404 ? Reason::kNotFound
                                                 : Reason::kInternalError;
  Error error{reason, text};
  error.http_code = response.status;
  response.headers.erase("Content-Length");
  response.headers.erase("Transfer-Encoding");
  response.content_type = "application/json";
  response.body = StatusText(error);
}

}  // namespace

Result<http::Response> HandleExec(Core& core, ApiRequest& request) {
  return HandleStream(core, request, "exec");
}

Result<http::Response> HandleAttach(Core& core, ApiRequest& request) {
  return HandleStream(core, request, "attach");
}

Result<http::Response> HandlePortForward(Core& core, ApiRequest& request) {
  return HandleStream(core, request, "portForward");
}

Result<http::Response> HandleLog(Core& core, ApiRequest& request) {
  if (request.http.method != "GET") return Fail(MethodNotAllowedHere());
  const auto pod =
      TRY(ReadTyped<core_v1::Pod>(core.store, request.info.namespace_name, request.info.name));
  const auto asked = request.http.Query("container").value_or("");
  const std::string container = TRY(ChooseContainer(*pod, asked));
  if (pod->spec.node_name.empty()) return TextResponse(200, "");
  if (core.nodes == nullptr) {
    return Fail(Reason::kServiceUnavailable, "this server has no way to reach kubelets");
  }
  std::vector<std::string> terms;
  for (const auto& [name, value] : request.http.query) {
    if (name != "container") terms.push_back(Escape(name) + "=" + Escape(value));
  }
  http::Forwarding forwarding;
  forwarding.upstream = TRY(KubeletOf(core.store, *core.nodes, pod->spec.node_name));
  forwarding.request =
      RequestFor(request.http, fmt::format("/containerLogs/{}/{}/{}?{}", pod->metadata.namespace_,
                                           pod->metadata.name, container, fmt::join(terms, "&")));
  forwarding.on_error = [](const Error& error) {
    http::Response response;
    response.status = 500;
    response.content_type = "application/json";
    response.body = StatusText(Error{Reason::kInternalError, error.message});
    return response;
  };
  forwarding.on_answer = AnswerAsStatus;
  return http::Forward(core.nodes->loops, std::move(forwarding));
}

}  // namespace skiff
