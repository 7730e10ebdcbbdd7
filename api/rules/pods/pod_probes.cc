// Probes and lifecycle hooks: what a container is asked, and when.
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/pods/pod_spec_validation.h"

namespace skiff {
namespace {

using namespace core_v1;

void ValidatePort(const IntOrString& port, const FieldPath& path, Violations& out) {
  if (port.is_string()) {
    CheckFormat(PortNameErrors, port.text(), path, out);
  } else {
    CheckPortNumber(port.value(), path, out);
  }
}

void ValidateHttpGet(const HTTPGetAction& action, const FieldPath& path, Violations& out) {
  Require(action.path, path.Child("path"), out);
  ValidatePort(action.port, path.Child("port"), out);
  CheckOneOf(action.scheme, {"HTTP", "HTTPS"}, path.Child("scheme"), out);
  for (const auto& header : action.http_headers) {
    CheckFormat(HttpHeaderNameErrors, header.name, path.Child("httpHeaders"), out);
  }
}

// At most one way to ask; what a probe and a hook both have.
template <typename Handler, typename Extra>
void ValidateHandler(const Handler& handler, Extra extra, const FieldPath& path, Violations& out) {
  int count = 0;
  const auto first = [&](const auto& member, const char* field) {
    if (!member) return false;
    if (++count == 1) return true;
    out.Forbidden(path.Child(field), "may not specify more than 1 handler type");
    return false;
  };
  if (first(handler.exec, "exec") && handler.exec->command.empty()) {
    out.Required(path.Child("exec").Child("command"));
  }
  if (first(handler.http_get, "httpGet")) {
    ValidateHttpGet(*handler.http_get, path.Child("httpGet"), out);
  }
  if (first(handler.tcp_socket, "tcpSocket")) {
    ValidatePort(handler.tcp_socket->port, path.Child("tcpSocket").Child("port"), out);
  }
  extra(first);
  if (count == 0) out.Required(path, "must specify a handler type");
}

void ValidateHook(const LifecycleHandler& hook, int64_t grace_period_s, const FieldPath& path,
                  Violations& out) {
  const auto sleep = [&](const auto& first) {
    if (!first(hook.sleep, "sleep")) return;
    const int64_t seconds = hook.sleep->seconds;
    if (seconds >= 0 && seconds <= grace_period_s) return;
    out.Invalid(path.Child("sleep"), seconds,
                "must be non-negative and less than terminationGracePeriodSeconds (" +
                    std::to_string(grace_period_s) + ")");
  };
  ValidateHandler(hook, sleep, path, out);
}

void ValidateProbe(const Probe& probe, const FieldPath& path, Violations& out) {
  const auto grpc = [&](const auto& first) {
    if (first(probe.grpc, "grpc")) {
      CheckPortNumber(probe.grpc->port, path.Child("grpc").Child("port"), out);
    }
  };
  ValidateHandler(probe, grpc, path, out);
  ValidateNonNegative(probe.initial_delay_seconds, path.Child("initialDelaySeconds"), out);
  ValidateNonNegative(probe.timeout_seconds, path.Child("timeoutSeconds"), out);
  ValidateNonNegative(probe.period_seconds, path.Child("periodSeconds"), out);
  ValidateNonNegative(probe.success_threshold, path.Child("successThreshold"), out);
  ValidateNonNegative(probe.failure_threshold, path.Child("failureThreshold"), out);
  if (probe.termination_grace_period_seconds && *probe.termination_grace_period_seconds <= 0) {
    out.Invalid(path.Child("terminationGracePeriodSeconds"),
                *probe.termination_grace_period_seconds, "must be greater than 0");
  }
}

// One success is enough to be alive.
void ValidateLivenessProbe(const Box<Probe>& probe, const FieldPath& path, Violations& out) {
  if (!probe) return;
  ValidateProbe(*probe, path, out);
  if (probe->success_threshold != 1) {
    out.Invalid(path.Child("successThreshold"), probe->success_threshold, "must be 1");
  }
}

}  // namespace

void ValidateLifecycleAndProbes(const Container& container, int64_t grace_period_s,
                                const FieldPath& path, Violations& out) {
  if (container.lifecycle) {
    const FieldPath at = path.Child("lifecycle");
    if (container.lifecycle->post_start) {
      ValidateHook(*container.lifecycle->post_start, grace_period_s, at.Child("postStart"), out);
    }
    if (container.lifecycle->pre_stop) {
      ValidateHook(*container.lifecycle->pre_stop, grace_period_s, at.Child("preStop"), out);
    }
  }
  ValidateLivenessProbe(container.liveness_probe, path.Child("livenessProbe"), out);
  if (container.readiness_probe) {
    const FieldPath at = path.Child("readinessProbe");
    ValidateProbe(*container.readiness_probe, at, out);
    if (const auto& seconds = container.readiness_probe->termination_grace_period_seconds) {
      out.Invalid(at.Child("terminationGracePeriodSeconds"), *seconds,
                  "must not be set for readinessProbes");
    }
  }
  ValidateLivenessProbe(container.startup_probe, path.Child("startupProbe"), out);
}

}  // namespace skiff
