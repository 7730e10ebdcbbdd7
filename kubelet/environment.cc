#include "kubelet/environment.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "api/text/go_text.h"
#include "base/text.h"
#include "kubelet/downward.h"

namespace skiff::kubelet {
namespace {

using Variables = std::map<std::string, std::string>;

std::string VariableName(std::string name) {
  for (char& c : name) {
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

class Maker {
 public:
  Maker(const core_v1::Pod& pod, const core_v1::Container& container,
        const EnvironmentSources& sources)
      : pod_(pod), container_(container), sources_(sources) {}

  Result<Environment> Make() {
    AddServices();
    for (const auto& from : container_.env_from) TRY(AddAll(from));
    for (const auto& variable : container_.env) {
      if (!variable.value_from) {
        auto expanded = TRY(Expand(variable.value, values_));
        TRY(Add(variable.name, std::move(expanded)));
        continue;
      }
      auto value = TRY(Resolve(*variable.value_from));
      if (value) TRY(Add(variable.name, std::move(*value)));
    }
    Environment out;
    for (const std::string& name : order_) out.emplace_back(name, values_.at(name));
    return out;
  }

 private:
  void Set(const std::string& name, std::string value) {
    if (!values_.contains(name)) order_.push_back(name);
    values_[name] = std::move(value);
  }
  // The same of what the pod's spec asks for, which is bounded.
  Result<> Add(const std::string& name, std::string value) {
    bytes_ += name.size() + value.size();
    if (bytes_ > kEnvironmentBytesMax) return Fail(Reason::kInvalid, kEnvironmentTooLong);
    Set(name, std::move(value));
    return {};
  }
  void AddServices();
  template <typename K>
  using Known = std::map<std::string, Result<std::shared_ptr<const K>>>;
  template <typename K>
  Result<std::shared_ptr<const K>> Look(
      const std::function<Result<std::shared_ptr<const K>>(const std::string&)>& source,
      Known<K>& known, const char* what, const std::string& name, bool optional);
  Result<> AddAll(const core_v1::EnvFromSource& from);
  // nullopt: the source is optional and not there.
  Result<std::optional<std::string>> Resolve(const core_v1::EnvVarSource& source);
  Result<std::optional<std::string>> FromConfigMap(const core_v1::ConfigMapKeySelector& ref);
  Result<std::optional<std::string>> FromSecret(const core_v1::SecretKeySelector& ref);
  Result<std::optional<std::string>> FromFile(const core_v1::FileKeySelector& ref);
  const Result<EnvFile>& File(const std::string& volume, const std::string& path);

  const core_v1::Pod& pod_;
  const core_v1::Container& container_;
  const EnvironmentSources& sources_;
  Variables values_;
  std::vector<std::string> order_;
  size_t bytes_ = 0;
  // Each is asked for once: thousands of variables may name one.
  Known<core_v1::ConfigMap> config_maps_;
  Known<core_v1::Secret> secrets_;
  // By volume and path: a file that changes meanwhile gives all variables from one reading.
  std::map<std::pair<std::string, std::string>, Result<EnvFile>> files_;
  size_t file_bytes_left_ = kEnvFilesBytesMax;
};

void Maker::AddServices() {
  const bool with_links = pod_.spec.enable_service_links.value_or(true);
  for (const auto& service : sources_.services) {
    const bool is_master =
        service->metadata.namespace_ == "default" && service->metadata.name == "kubernetes";
    if (!is_master && (!with_links || service->metadata.namespace_ != pod_.metadata.namespace_)) {
      continue;
    }
    for (auto& [name, value] : ServiceVariables(*service)) Set(name, value);
  }
}

// nullptr: it is optional, and the API says that there is none.
template <typename K>
Result<std::shared_ptr<const K>> Maker::Look(
    const std::function<Result<std::shared_ptr<const K>>(const std::string&)>& source,
    Known<K>& known, const char* what, const std::string& name, bool optional) {
  auto asked = known.find(name);
  if (asked == known.end()) asked = known.emplace(name, source(name)).first;
  const Result<std::shared_ptr<const K>>& found = asked->second;
  if (found || found.error().reason != Reason::kNotFound) return found;
  if (optional) return nullptr;
  return Fail(Reason::kNotFound, fmt::format("{} \"{}\" not found", what, name));
}

Result<> Maker::AddAll(const core_v1::EnvFromSource& from) {
  if (const auto& ref = from.config_map_ref) {
    const bool optional = ref->optional.value_or(false);
    const auto found =
        TRY(Look(sources_.config_map, config_maps_, "configmap", ref->name, optional));
    if (!found) return {};
    for (const auto& [key, value] : found->data) TRY(Add(from.prefix + key, value));
  } else if (const auto& secret_ref = from.secret_ref) {
    const bool optional = secret_ref->optional.value_or(false);
    const auto found = TRY(Look(sources_.secret, secrets_, "secret", secret_ref->name, optional));
    if (!found) return {};
    for (const auto& [key, value] : found->data) TRY(Add(from.prefix + key, value));
  }
  return {};
}

Result<std::optional<std::string>> Maker::FromConfigMap(const core_v1::ConfigMapKeySelector& ref) {
  const bool optional = ref.optional.value_or(false);
  const auto found = TRY(Look(sources_.config_map, config_maps_, "configmap", ref.name, optional));
  if (!found) return std::nullopt;
  const auto value = found->data.find(ref.key);
  if (value != found->data.end()) return value->second;
  if (optional) return std::nullopt;
  return Fail(Reason::kNotFound, fmt::format("couldn't find key {} in ConfigMap {}/{}", ref.key,
                                             pod_.metadata.namespace_, ref.name));
}

Result<std::optional<std::string>> Maker::FromSecret(const core_v1::SecretKeySelector& ref) {
  const bool optional = ref.optional.value_or(false);
  const auto found = TRY(Look(sources_.secret, secrets_, "secret", ref.name, optional));
  if (!found) return std::nullopt;
  const auto value = found->data.find(ref.key);
  if (value != found->data.end()) return value->second;
  if (optional) return std::nullopt;
  return Fail(Reason::kNotFound, fmt::format("couldn't find key {} in Secret {}/{}", ref.key,
                                             pod_.metadata.namespace_, ref.name));
}

const Result<EnvFile>& Maker::File(const std::string& volume, const std::string& path) {
  const auto key = std::make_pair(volume, path);
  if (const auto known = files_.find(key); known != files_.end()) return known->second;
  auto file = sources_.env_file(volume, path, file_bytes_left_);
  if (file) file_bytes_left_ -= std::min(file_bytes_left_, file->size_bytes);
  return files_.emplace(key, std::move(file)).first->second;
}

// As the kubelet has it, a value that is empty is none. That an optional one may be missing with
// its file is what the API says of the field; the kubelet of v1.35 wants the file in any case.
Result<std::optional<std::string>> Maker::FromFile(const core_v1::FileKeySelector& ref) {
  if (!sources_.env_file) return std::optional<std::string>("");
  const bool optional = ref.optional.value_or(false);
  const Result<EnvFile>& file = File(ref.volume_name, ref.path);
  if (!file) {
    if (optional && file.error().reason == Reason::kNotFound) return std::nullopt;
    return tl::unexpected(file.error());
  }
  const auto value = file->values.find(ref.key);
  if (value == file->values.end() && !file->problem.empty()) {
    return Fail(Reason::kInvalid, kBadEnvFile);
  }
  if (value != file->values.end() && !value->second.empty()) return value->second;
  if (optional) return std::nullopt;
  return Fail(Reason::kNotFound, fmt::format("environment variable key {} not found in file {}",
                                             GoQuote(ref.key), GoQuote(file->path)));
}

Result<std::optional<std::string>> Maker::Resolve(const core_v1::EnvVarSource& source) {
  if (source.field_ref) return TRY(FieldText(pod_, source.field_ref->field_path));
  if (source.resource_field_ref) {
    return TRY(
        ResourceText(pod_, *source.resource_field_ref, container_.name, sources_.node_allocatable));
  }
  if (source.config_map_key_ref) return FromConfigMap(*source.config_map_key_ref);
  if (source.secret_key_ref) return FromSecret(*source.secret_key_ref);
  if (source.file_key_ref) return FromFile(*source.file_key_ref);
  return std::optional<std::string>("");
}

// Names that have no value, or an empty one, are added to `missing`.
Result<std::string> ExpandAndTell(const std::string& text, const Variables& variables,
                                  std::set<std::string>& missing) {
  std::string out;
  const size_t last_close = text.rfind(')');  // Nothing is searched for behind it, over and over.
  for (size_t i = 0; i < text.size(); ++i) {
    if (out.size() > kEnvironmentBytesMax) return Fail(Reason::kInvalid, kEnvironmentTooLong);
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    if (text[i + 1] == '$') {
      out += '$';
      ++i;
      continue;
    }
    const bool may_close = text[i + 1] == '(' && last_close != std::string::npos && i < last_close;
    const auto close = may_close ? text.find(')', i) : std::string::npos;
    if (close == std::string::npos) {
      out += '$';
      continue;
    }
    const std::string name = text.substr(i + 2, close - i - 2);
    const auto found = variables.find(name);
    if (found == variables.end() || found->second.empty()) missing.insert(name);
    out += found == variables.end() ? text.substr(i, close - i + 1) : found->second;
    i = close;
  }
  return out;
}

}  // namespace

Result<Environment> MakeEnvironment(const core_v1::Pod& pod, const core_v1::Container& container,
                                    const EnvironmentSources& sources) {
  return Maker(pod, container, sources).Make();
}

Result<std::string> Expand(const std::string& text, const Variables& variables) {
  std::set<std::string> ignored;
  return ExpandAndTell(text, variables, ignored);
}

Result<std::vector<std::string>> ExpandAll(const std::vector<std::string>& words,
                                           const Variables& variables) {
  std::vector<std::string> out;
  size_t bytes = 0;
  for (const std::string& word : words) {
    std::string expanded = TRY(Expand(word, variables));
    bytes += expanded.size();
    if (bytes > kEnvironmentBytesMax) return Fail(Reason::kInvalid, kEnvironmentTooLong);
    out.push_back(std::move(expanded));
  }
  return out;
}

Result<std::string> SubPathOf(const core_v1::VolumeMount& mount, const Variables& variables) {
  if (mount.sub_path_expr.empty()) return mount.sub_path;
  std::set<std::string> missing;
  std::string path = TRY(ExpandAndTell(mount.sub_path_expr, variables, missing));
  if (missing.empty()) return path;
  return Fail(Reason::kInvalid, fmt::format("missing value for {}", fmt::join(missing, ", ")));
}

std::map<std::string, std::string> ServiceVariables(const core_v1::Service& service) {
  Variables out;
  const std::string& ip = service.spec.cluster_ip;
  if (ip.empty() || ip == "None" || service.spec.ports.empty()) return out;
  const std::string name = VariableName(service.metadata.name);
  const std::string host = ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
  out[name + "_SERVICE_HOST"] = ip;
  const auto& first = service.spec.ports.front();
  out[name + "_SERVICE_PORT"] = std::to_string(first.port);
  for (const auto& port : service.spec.ports) {
    const std::string number = std::to_string(port.port);
    const std::string protocol = port.protocol.empty() ? "TCP" : port.protocol;
    const std::string url = Lower(protocol) + "://" + host + ":" + number;
    if (!port.name.empty()) out[name + "_SERVICE_PORT_" + VariableName(port.name)] = number;
    if (&port == &first) out[name + "_PORT"] = url;
    const std::string prefix = name + "_PORT_" + number + "_" + protocol;
    out[prefix] = url;
    out[prefix + "_PROTO"] = Lower(protocol);
    out[prefix + "_PORT"] = number;
    out[prefix + "_ADDR"] = ip;
  }
  return out;
}

}  // namespace skiff::kubelet
