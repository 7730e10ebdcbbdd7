// What encryption at rest counts, under kube-apiserver's names.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/metrics.h"

namespace skiff {

// Thread-safe. Outlives the registries that it is added to.
class EncryptionMetrics {
 public:
  explicit EncryptionMetrics(std::string server_hash);

  // A value was sealed ("to_storage") or opened ("from_storage"), or could not be.
  void Transformed(std::string_view resource, std::string_view direction, std::string_view prefix,
                   const std::string& error, Duration took);
  void CalledKms(std::string_view plugin, std::string_view method, std::string_view code,
                 Duration took);
  // "success" or "failure".
  void Reloaded(std::string_view status, TimePoint now);

  struct Sources {
    std::function<std::string()> config_hash;
    std::function<double()> kms_misses;
  };
  void AddTo(MetricRegistry& registry, Sources sources);

 private:
  const std::string server_hash_;
  ShardedRows operations_{1};
  ShardedRows seconds_;
  ShardedRows kms_seconds_;
  ShardedRows reloads_{1};
  ShardedRows reloaded_at_{1};
};

}  // namespace skiff
