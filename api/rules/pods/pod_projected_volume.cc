// Projected volumes: several sources in one directory.
#include <set>

#include "api/rules/checks.h"
#include "api/rules/pods/pod_spec_validation.h"

namespace skiff {
namespace {

using namespace core_v1;

constexpr int64_t kTokenSecondsMin = 600;
constexpr int64_t kTokenSecondsMax = int64_t{1} << 32;

// The files of all sources, which may not collide.
class Files {
 public:
  Files(const FieldPath& path, Violations& out) : path_(path), out_(out) {}
  void Add(const std::string& file, const std::string& source) {
    if (file.empty()) return;
    if (!seen_.insert(file).second) {
      out_.Invalid(path_, source, "conflicting duplicate paths");
    }
  }

 private:
  const FieldPath& path_;
  Violations& out_;
  std::set<std::string> seen_;
};

template <typename Projection>
void ValidateKeyed(const Projection& projection, Files& files, const FieldPath& path,
                   Violations& out) {
  Require(projection.name, path.Child("name"), out);
  for (size_t i = 0; i < projection.items.size(); ++i) {
    ValidateKeyToPath(projection.items[i], path.Child("items").Index(i), out);
    files.Add(projection.items[i].path, projection.name);
  }
}

void ValidateToken(const ServiceAccountTokenProjection& token, const FieldPath& volume,
                   const FieldPath& path, Violations& out) {
  const FieldPath at = path.Child("expirationSeconds");
  const int64_t seconds = token.expiration_seconds.value_or(0);
  if (seconds < kTokenSecondsMin) {
    out.Invalid(at, seconds, "may not specify a duration less than 10 minutes");
  }
  if (seconds > kTokenSecondsMax) {
    out.Invalid(at, seconds, "may not specify a duration larger than 2^32 seconds");
  }
  if (token.path.empty()) return out.Required(volume.Child("path"));
  CheckLocalPath(token.path, volume.Child("path"), out);
}

}  // namespace

void ValidateProjectedVolume(const ProjectedVolumeSource& projected, const FieldPath& path,
                             Violations& out) {
  if (projected.default_mode) {
    CheckFileMode(*projected.default_mode, path.Child("defaultMode"), out);
  }
  Files files(path, out);
  for (size_t i = 0; i < projected.sources.size(); ++i) {
    const VolumeProjection& source = projected.sources[i];
    const FieldPath at = path.Child("sources").Index(i);
    int count = 0;
    const auto found = [&](const auto& member) { return member && ++count; };
    if (found(source.secret)) ValidateKeyed(*source.secret, files, at.Child("secret"), out);
    if (found(source.config_map)) {
      ValidateKeyed(*source.config_map, files, at.Child("configMap"), out);
    }
    if (found(source.downward_api)) {
      for (const auto& file : source.downward_api->items) {
        ValidateDownwardApiFile(file, at.Child("downwardAPI"), out);
        files.Add(file.path, file.path);
      }
    }
    if (found(source.service_account_token)) {
      ValidateToken(*source.service_account_token, path, at.Child("serviceAccountToken"), out);
    }
    if (count > 1) out.Forbidden(at, "may not specify more than 1 volume type per source");
  }
}

}  // namespace skiff
