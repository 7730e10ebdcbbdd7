// pods/exec, pods/attach, pods/portforward and pods/log: passed on to the kubelet of the pod's
// node, which passes them on to the runtime. After an upgrade the server only copies bytes.
#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "apiserver/auth/authentication.h"
#include "apiserver/auth/authorizer.h"
#include "apiserver/identity/node_connections.h"
#include "apiserver/request/respond.h"
#include "apiserver/subresources/exec_over_spdy.h"
#include "apiserver/subresources/log_options.h"
#include "apiserver/subresources/log_socket.h"
#include "apiserver/subresources/subresources.h"
#include "http/tunnel.h"
#include "http/websocket.h"

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
  return value && QueryIsTrue(*value);
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
http::ClientRequest RequestFor(const Core& core, const http::Request& request,
                               std::string target) {
  http::ClientRequest forwarded = http::ForwardedRequest(request);
  forwarded.target = std::move(target);
  core.authentication.RemoveIdentity(forwarded.headers);
  return forwarded;
}

Result<http::Upstream> KubeletOfPod(Core& core, const core_v1::Pod& pod) {
  if (core.nodes == nullptr) {
    return Fail(Reason::kServiceUnavailable, "this server has no way to reach kubelets");
  }
  auto upstream = KubeletOf(core.store, *core.nodes, pod.spec.node_name);
  if (upstream || upstream.error().reason != Reason::kNotFound) return upstream;
  // Kubernetes names the resource that was asked for, not the one that it missed.
  return Fail(NotFoundError(GroupResourceOf(core_v1::Pod::Info()), pod.spec.node_name));
}

// Makes the 500 of an upstream that could not be reached.
std::function<http::Response(const Error&)> Unreachable(std::string what) {
  return [what = std::move(what)](const Error& error) {
    http::Response response;
    response.status = 500;
    response.content_type = "application/json";
    response.body = StatusText(PlainError(what + error.message));
    return response;
  };
}

Result<http::Response> PassOn(Core& core, const ApiRequest& request, http::Upstream upstream,
                              std::string target, bool forwards) {
  if (!http::IsUpgrade(request.http)) return Fail(Reason::kBadRequest, "Upgrade request required");
  http::Forwarding forwarding;
  forwarding.upstream = std::move(upstream);
  forwarding.request = RequestFor(core, request.http, std::move(target));
  forwarding.on_error = Unreachable("error dialing backend: ");
  if (forwards && WantsForwardTunnel(request.http)) TunnelForward(request.http, forwarding);
  return http::Forward(core.nodes->loops, std::move(forwarding));
}

Result<http::Response> HandleStream(Core& core, ApiRequest& request, std::string_view word) {
  TRY(CheckMayCreate(core, request));
  const bool forwards = word == "portForward";
  const auto pod =
      TRY(ReadTyped<core_v1::Pod>(core.store, request.info.namespace_name, request.info.name));
  std::string target = fmt::format("/{}/{}/{}", word, pod->metadata.namespace_, pod->metadata.name);
  if (forwards) {
    std::vector<std::string> ports;
    for (const auto& [name, value] : request.http.query) {
      if (name == "ports") ports.push_back(value);
    }
    if (!ports.empty()) target += fmt::format("?port={}", fmt::join(ports, "&port="));
  } else {
    const auto asked = request.http.Query("container").value_or("");
    const std::string container = TRY(ChooseContainer(*pod, asked));
    target += "/" + container + StreamQuery(request.http, word == "exec");
  }
  if (pod->spec.node_name.empty()) {
    return Fail(Reason::kBadRequest,
                fmt::format("pod {} does not have a host assigned", pod->metadata.name));
  }
  auto upstream = TRY(KubeletOfPod(core, *pod));
  if (!forwards && WantsExecV5(request.http)) {
    const ExecStreams streams{IsTrue(request.http, "stdin"), IsTrue(request.http, "stdout"),
                              IsTrue(request.http, "stderr"), IsTrue(request.http, "tty")};
    return AcceptExecV5(request.http, streams, core.nodes->loops, std::move(upstream),
                        RequestFor(core, request.http, std::move(target)));
  }
  return PassOn(core, request, std::move(upstream), std::move(target), forwards);
}

// A kubelet's refusal, as the API words it.
void AnswerAsStatus(http::Response& response) {
  if (response.status < 400) return;
  std::string text = response.body;
  if (response.stream) text += RefusalText(*response.stream);
  response.stream = nullptr;
  while (text.ends_with('\n')) text.pop_back();
  const Reason reason = response.status == 400   ? Reason::kBadRequest
                        : response.status == 404 ? Reason::kNotFound
                                                 : Reason::kInternalError;
  Error error{reason, text};
  error.http_code = response.status;
  response.headers.erase("Content-Type");
  response.headers.erase("Content-Length");
  response.headers.erase("Transfer-Encoding");
  response.content_type = "application/json";
  response.body = StatusText(error);
}

// A log is text, whatever a node calls it: it is to make no page of this server's origin, and to
// send nobody elsewhere.
void AnswerAsLog(http::Response& response) {
  if (response.status < 400) {
    std::erase_if(response.headers, [](const auto& header) {
      return !http::EqualsIgnoreCase(header.first, "Content-Length") &&
             !http::EqualsIgnoreCase(header.first, "Content-Encoding");
    });
    response.content_type = "text/plain";
    response.SetHeader("X-Content-Type-Options", "nosniff");
  }
  if (response.status >= 300 && response.status < 400) {
    response.status = 500;
    response.stream = nullptr;
    response.body = "the kubelet attempted to redirect this request, which is not permitted";
  }
  AnswerAsStatus(response);
}

}  // namespace

Result<> CheckMayCreate(Core& core, const ApiRequest& request) {
  Access access = AccessOf(request.info);
  if (access.verb == "create") return {};  // It has been asked for already.
  access.verb = "create";
  const Verdict verdict = core.authorizer.Authorize(request.user, access);
  // Whatever was decided, as in Kubernetes.
  if (!verdict.error.empty()) return Fail(PlainError(verdict.error));
  if (verdict.allowed()) return {};
  return Fail(Forbidden({"", request.kind->resource}, request.info.name, verdict.reason));
}

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
  TRY(Negotiate(request.http, {.plain_text = true}));
  const LogOptions options = TRY(ParseLogOptions(request.http, request.info.name));
  const auto pod =
      TRY(ReadTyped<core_v1::Pod>(core.store, request.info.namespace_name, request.info.name));
  const std::string container = TRY(ChooseContainer(*pod, options.container));
  if (pod->spec.node_name.empty()) {
    http::Response nothing;
    nothing.status = 204;
    return nothing;
  }
  http::Forwarding forwarding;
  forwarding.upstream = TRY(KubeletOfPod(core, *pod));
  std::string target = fmt::format("/containerLogs/{}/{}/{}", pod->metadata.namespace_,
                                   pod->metadata.name, container);
  if (const std::string query = options.KubeletQuery(); !query.empty()) target += "?" + query;
  forwarding.on_error = Unreachable(fmt::format(
      "Get \"https://{}:{}{}\": ", forwarding.upstream.host, forwarding.upstream.port, target));
  forwarding.request = RequestFor(core, request.http, std::move(target));
  forwarding.on_answer = AnswerAsLog;
  if (http::IsWebSocket(request.http)) {
    if (auto refused = CarryLogInWebSocket(request.http, forwarding)) return std::move(*refused);
  }
  return http::Forward(core.nodes->loops, std::move(forwarding));
}

}  // namespace skiff
