#include "skiff/scheduler_extenders.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/base64.h"
#include "api/rules/devices/resource_names.h"
#include "api/rules/names.h"
#include "client/server_url.h"
#include "http/tls.h"
#include "skiff/config_fields.h"

namespace skiff {
namespace {

using scheduler::ExtenderOptions;
using ReadFile = std::function<Result<std::string>(const std::string&)>;

std::string InQuotes(std::string_view text) {
  return fmt::format("\"{}\"", text);
}

struct ManagedResource {
  std::string name;
  bool ignored = false;
};
struct ExtenderEntry {
  std::string path;
  ExtenderOptions options;
  std::vector<ManagedResource> resources;
  bool enable_https = false;
};

Result<> ReadResources(ConfigFields& fields, ExtenderEntry& to) {
  const Json* const list = fields.List("managedResources");
  if (list == nullptr) return {};
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string path = fmt::format("{}.managedResources[{}]", to.path, i);
    if (!(*list)[i].is_object()) return Fail(Reason::kInvalid, path + ": must be an object");
    ConfigFields item((*list)[i], path);
    ManagedResource& resource = to.resources.emplace_back();
    item.Read("name", resource.name);
    item.Read("ignoredByScheduler", resource.ignored);
    TRY(item.Strict());
    to.options.managed_resources.insert(resource.name);
  }
  return {};
}

// The PEM text of `data_field`, or what the file of `file_field` holds: `file` is its name then.
Result<std::string> ReadPem(ConfigFields& fields, const std::string& path, const char* data_field,
                            const char* file_field, const ReadFile& read, std::string& file) {
  std::string data;
  fields.Read(data_field, data);
  fields.Read(file_field, file);
  TRY(fields.Outcome());
  if (!data.empty()) file.clear();
  if (!data.empty()) {
    auto decoded = DecodeBase64(data);
    if (decoded) return decoded;
    return Fail(Reason::kInvalid,
                fmt::format("{}.{}: {}", path, data_field, decoded.error().message));
  }
  if (file.empty()) return std::string();
  auto text = read(file);
  if (text && !text->empty()) return text;
  return Fail(Reason::kInvalid, fmt::format("{}.{}: couldn't build extenders: {}", path, file_field,
                                            text ? file + " is empty" : text.error().message));
}

Result<> ReadTls(ConfigFields& fields, ExtenderEntry& to, const ReadFile& read) {
  ConfigFields tls = fields.Object("tlsConfig");
  TRY(fields.Outcome());
  const std::string path = to.path + ".tlsConfig";
  ExtenderOptions::Tls& out = to.options.tls;
  tls.Read("insecure", out.insecure);
  tls.Read("serverName", out.server_name);
  std::string certificate_file, key_file, ca_file;
  out.certificate_pem = TRY(ReadPem(tls, path, "certData", "certFile", read, certificate_file));
  out.key_pem = TRY(ReadPem(tls, path, "keyData", "keyFile", read, key_file));
  out.ca_pem = TRY(ReadPem(tls, path, "caData", "caFile", read, ca_file));
  if (!certificate_file.empty() && !key_file.empty()) {
    out.renewed = [=]() -> Result<ExtenderOptions::CertificateAndKey> {
      ExtenderOptions::CertificateAndKey pair;
      pair.certificate_pem = TRY(read(certificate_file));
      pair.key_pem = TRY(read(key_file));
      return pair;
    };
  }
  TRY(tls.Strict());
  if (to.enable_https && out.ca_pem.empty()) out.insecure = true;  // As kube-scheduler has it.
  if (out.insecure && !out.ca_pem.empty()) {
    return Fail(Reason::kInvalid,
                "couldn't build extenders: specifying a root certificates file with the insecure "
                "flag is not allowed");
  }
  if (out.certificate_pem.empty() == out.key_pem.empty()) return {};
  return Fail(Reason::kInvalid, path + ": a certificate and its key go together");
}

Result<ExtenderEntry> ReadExtender(const Json& json, const std::string& path,
                                   const ReadFile& read) {
  if (!json.is_object()) return Fail(Reason::kInvalid, path + ": must be an object");
  ExtenderEntry entry{.path = path};
  ExtenderOptions& to = entry.options;
  ConfigFields fields(json, path);
  fields.Read("urlPrefix", to.url_prefix);
  fields.Read("filterVerb", to.filter_verb);
  fields.Read("preemptVerb", to.preempt_verb);
  fields.Read("prioritizeVerb", to.prioritize_verb);
  fields.Read("weight", to.weight);
  fields.Read("bindVerb", to.bind_verb);
  fields.Read("enableHTTPS", entry.enable_https);
  Duration timeout = 0ns;
  fields.Read("httpTimeout", timeout);
  fields.Read("nodeCacheCapable", to.node_cache_capable);
  fields.Read("ignorable", to.ignorable);
  TRY(ReadResources(fields, entry));
  TRY(ReadTls(fields, entry, read));
  TRY(fields.Strict());
  if (timeout != 0ns) to.timeout = timeout;
  return entry;
}

void CheckResource(const std::string& field, const std::string& name, ConfigErrors& errors) {
  const Messages wrong = LabelKeyErrors(name);
  for (const auto& message : wrong) errors.Invalid(field, InQuotes(name), message);
  if (wrong.empty() && !IsExtendedResource(name)) {
    errors.Invalid(field, InQuotes(name), "is an invalid extended resource name");
  }
}

// What kube-scheduler checks.
void Check(const std::vector<ExtenderEntry>& entries, ConfigErrors& errors) {
  std::set<std::string> managed;
  int binders = 0;
  for (const ExtenderEntry& entry : entries) {
    const ExtenderOptions& of = entry.options;
    if (!of.prioritize_verb.empty() && of.weight <= 0) {
      errors.Invalid(entry.path + ".weight", std::to_string(of.weight),
                     "must have a positive weight applied to it");
    }
    if (!of.bind_verb.empty()) ++binders;
    for (size_t i = 0; i < entry.resources.size(); ++i) {
      const std::string& name = entry.resources[i].name;
      const std::string field = fmt::format("{}.managedResources[{}].name", entry.path, i);
      CheckResource(field, name, errors);
      if (!managed.insert(name).second) {
        errors.Invalid(field, InQuotes(name), "duplicate extender managed resource name");
      }
    }
  }
  if (binders > 1) {
    errors.Invalid("extenders",
                   InQuotes(fmt::format("found {} extenders implementing bind", binders)),
                   "only one extender can implement bind");
  }
}

bool IsWrittenInUrl(const std::string& text) {
  return std::ranges::none_of(
      text, [](unsigned char c) { return c <= ' ' || c >= 0x7F || c == '#' || c == '?'; });
}

// What would only be found out with the first pod.
Result<> CheckReach(const ExtenderEntry& entry) {
  const ExtenderOptions& of = entry.options;
  const auto refuse = [&](const std::string& field, const std::string& value,
                          std::string_view why) {
    return Fail(Reason::kInvalid,
                fmt::format("{}.{}: Invalid value: {}: {}", entry.path, field, value, why));
  };
  const bool has_scheme =
      of.url_prefix.starts_with("http://") || of.url_prefix.starts_with("https://");
  const auto server = ParseServerUrl(of.url_prefix);
  if (!has_scheme || !server || server->authority.find('@') != std::string::npos ||
      !IsWrittenInUrl(of.url_prefix)) {
    return refuse("urlPrefix", InQuotes(of.url_prefix),
                  "must be an http or https URL of a server, and no more than a path behind it");
  }
  const std::pair<const char*, const std::string&> verbs[] = {
      {"filterVerb", of.filter_verb},
      {"preemptVerb", of.preempt_verb},
      {"prioritizeVerb", of.prioritize_verb},
      {"bindVerb", of.bind_verb}};
  for (const auto& [field, verb] : verbs) {
    if (!IsWrittenInUrl(verb)) return refuse(field, InQuotes(verb), "must be part of a path");
  }
  if (of.timeout < 0ns) return refuse("httpTimeout", "-", "must not be negative");
  const auto context = http::MakeClientContext({.ca_pem = of.tls.ca_pem,
                                                .insecure = of.tls.insecure,
                                                .certificate_pem = of.tls.certificate_pem,
                                                .key_pem = of.tls.key_pem});
  if (context) return {};
  return Fail(Reason::kInvalid, fmt::format("{}.tlsConfig: couldn't build extenders: {}",
                                            entry.path, context.error().message));
}

void TellWithoutEffect(const ExtenderEntry& entry, std::vector<std::string>& unused) {
  const ExtenderOptions& of = entry.options;
  const auto tell = [&](const std::string& what, std::string_view why) {
    unused.push_back(
        fmt::format("{} of the configuration file has no effect: {}", entry.path + what, why));
  };
  const bool ignores = std::ranges::any_of(entry.resources, &ManagedResource::ignored);
  const bool is_asked = !of.filter_verb.empty() || !of.prioritize_verb.empty() ||
                        !of.preempt_verb.empty() || !of.bind_verb.empty();
  if (!is_asked && !ignores) tell("", "it has no verb, so that it is never asked");
  if (of.weight != 0 && of.prioritize_verb.empty()) tell(".weight", "there is no prioritizeVerb");
  if (entry.enable_https && of.url_prefix.starts_with("http://")) {
    tell(".enableHTTPS", "urlPrefix begins with http://");
  }
}

}  // namespace

Result<SchedulerExtenders> ParseExtenders(const Json& extenders, const ReadFile& read,
                                          std::vector<std::string>& unused, ConfigErrors& errors) {
  if (!extenders.is_array()) return Fail(Reason::kInvalid, "extenders: must be a list");
  std::vector<ExtenderEntry> entries;
  for (size_t i = 0; i < extenders.size(); ++i) {
    entries.push_back(TRY(ReadExtender(extenders[i], fmt::format("extenders[{}]", i), read)));
  }
  Check(entries, errors);
  TRY(errors.Outcome());
  SchedulerExtenders parsed;
  for (ExtenderEntry& entry : entries) {
    TRY(CheckReach(entry));
    TellWithoutEffect(entry, unused);
    for (const ManagedResource& resource : entry.resources) {
      if (resource.ignored) parsed.ignored_resources.insert(resource.name);
    }
    parsed.extenders.push_back(std::move(entry.options));
  }
  return parsed;
}

}  // namespace skiff
