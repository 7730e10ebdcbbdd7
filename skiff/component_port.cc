#include "skiff/component_port.h"

#include "base/pem.h"
#include "http/certificate_flags.h"

namespace skiff {
namespace {

http::Limits LimitsOf(const ServingFlags& flags) {
  http::Limits limits;
  if (flags.http2_streams_max > 0) {
    limits.http2_streams_max = static_cast<uint32_t>(flags.http2_streams_max);
  }
  return limits;
}

}  // namespace

Result<ComponentServer::Access> AccessOf(const ServingFlags& flags) {
  ComponentServer::Access access{.open_paths = flags.always_allow_paths,
                                 .front_proxy = flags.front_proxy,
                                 .token_ttl = flags.token_ttl,
                                 .allowed_ttl = flags.allowed_ttl,
                                 .denied_ttl = flags.denied_ttl};
  access.client_ca_pem =
      JoinPem(TRY(http::ReadAuthorities(flags.client_ca_file)), flags.client_ca_pem);
  access.front_proxy.client_ca_pem = JoinPem(
      TRY(http::ReadAuthorities(flags.requestheader_client_ca_file)), flags.front_proxy_ca_pem);
  return access;
}

Result<std::unique_ptr<http::Server>> ServePort(const ServingFlags& flags, const std::string& name,
                                                const Clock& clock, http::Loops& loops,
                                                http::Handler& handler) {
  if (flags.secure_port == 0) return nullptr;
  const auto tls = TRY(TlsOf(flags, name, clock));
  return http::Server::Start({.bind_address = flags.bind_address,
                              .port = flags.secure_port,
                              .tls = tls,
                              .http2 = !flags.disable_http2,
                              .shares_port = flags.shares_port,
                              .limits = LimitsOf(flags)},
                             loops, handler);
}

}  // namespace skiff
