#include "apiserver/server/port_flags.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "base/text.h"
#include "http/tls.h"

namespace skiff {
namespace {

constexpr double kGoawayChanceMax = 0.02;

tl::unexpected<Error> BadPortFlag(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

std::vector<std::string> CommaParts(std::string_view text) {
  std::vector<std::string> parts;
  for (size_t comma = text.find(','); comma != std::string_view::npos; comma = text.find(',')) {
    parts.emplace_back(WithoutBlanks(text.substr(0, comma)));
    text.remove_prefix(comma + 1);
  }
  parts.emplace_back(WithoutBlanks(text));
  return parts;
}

Result<NamedFiles> ParseNamedFiles(const std::string& text) {
  const auto refused = [&](const char* why) {
    return BadPortFlag(fmt::format("invalid argument \"{}\" for \"--tls-sni-cert-key\" flag: {}", text,
                               why));
  };
  const size_t colon = text.find(':');
  NamedFiles files;
  if (colon != std::string::npos) {
    const std::string_view names = WithoutBlanks(std::string_view(text).substr(colon + 1));
    if (names.empty()) return refused("empty names list is not allowed");
    files.names = CommaParts(names);
  }
  const auto paths = CommaParts(std::string_view(text).substr(0, colon));
  if (paths.size() != 2) return refused("expected comma separated certificate and key file paths");
  files.certificate = paths[0];
  files.key = paths[1];
  if (files.certificate.empty()) return refused("empty certificate file name is not allowed");
  if (files.key.empty()) return refused("empty key file name is not allowed");
  return files;
}

void AddUnusedPortFlags(Flags& flags) {
  constexpr bool kSwitch = true;
  flags.AddUnused({"permit-port-sharing", "the port is not shared", {"false"}, kSwitch});
  flags.AddUnused({"permit-address-sharing", "a port may be taken again at once anyway", {}, kSwitch});
  flags.AddUnused({"shutdown-send-retry-after",
                   "who comes while the server ends finds nobody",
                   {"false"},
                   kSwitch});
  flags.AddUnused({.name = "shutdown-watch-termination-grace-period",
                   .why = "watches are ended at once, in order",
                   .same = {"0s", "0"}});
  flags.AddUnused({.name = "livez-grace-period",
                   .why = "the server listens once it is ready",
                   .same = {"0s", "0"}});
}

}  // namespace

void AddPortFlags(Flags& flags, PortFlags& to) {
  flags.Add("tls-min-version", to.tls_min_version,
            "The oldest TLS that is spoken: VersionTLS12 or VersionTLS13.");
  flags.Add("tls-cipher-suites", to.tls_cipher_suites,
            "The cipher suites of TLS 1.2 that are spoken, in Go's names; empty: those that the "
            "library takes for safe.");
  flags.AddEach("tls-sni-cert-key", to.tls_sni_cert_keys,
                "A certificate and its key for clients that ask for one of its names, or of those "
                "behind a colon: foo.crt,foo.key:foo.example,*.foo.example.");
  flags.Add("cors-allowed-origins", to.browser_access.allowed_origins,
            "Regular expressions of the origins whose pages may read what they are answered: "
            "//example\\.com(:|$).");
  flags.Add("strict-transport-security-directives", to.browser_access.transport_security,
            "What browsers are told of coming back by TLS: max-age=31536000, includeSubDomains, "
            "preload.");
  flags.Add("external-hostname", to.external_hostname,
            "The name by which others are told of this server; without it, its address.");
  flags.Add("goaway-chance", to.goaway_chance,
            "How likely a request ends its connection of HTTP/2, so that clients spread over "
            "several servers anew: 0 to 0.02.");
  AddUnusedPortFlags(flags);
}

Result<double> GoawayChanceOf(const PortFlags& flags) {
  const std::string& text = flags.goaway_chance;
  double chance = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), chance);
  if (error != std::errc() || end != text.data() + text.size()) {
    return BadPortFlag(fmt::format("invalid argument \"{0}\" for \"--goaway-chance\" flag: "
                               "strconv.ParseFloat: parsing \"{0}\": invalid syntax",
                               text));
  }
  if (!(chance >= 0 && chance <= kGoawayChanceMax)) {
    return BadPortFlag("--goaway-chance can not be less than 0 or greater than 0.02");
  }
  return chance;
}

Result<std::vector<NamedFiles>> NamedFilesOf(const PortFlags& flags) {
  std::vector<NamedFiles> all;
  for (const std::string& text : flags.tls_sni_cert_keys) {
    all.push_back(TRY(ParseNamedFiles(text)));
  }
  return all;
}

Result<> CheckPortFlags(const PortFlags& flags) {
  TRY(GoawayChanceOf(flags));
  TRY(http::ParseTlsChoices(flags.tls_min_version, flags.tls_cipher_suites));
  TRY(NamedFilesOf(flags));
  return CheckBrowserAccess(flags.browser_access);
}

Result<std::vector<http::NamedCertificate>> NamedCertificatesOf(const PortFlags& flags) {
  std::vector<http::NamedCertificate> all;
  for (const NamedFiles& files : TRY(NamedFilesOf(flags))) {
    const auto read = TRY(http::ServerTls::FromFiles(files.certificate, files.key, ""));
    all.push_back({read.certificate_pem, read.key_pem, files.names});
  }
  return all;
}

}  // namespace skiff
