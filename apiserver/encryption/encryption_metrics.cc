#include "apiserver/encryption/encryption_metrics.h"

#include <algorithm>
#include <vector>

namespace skiff {
namespace {

std::vector<double> DoublingBounds(double first, int count) {
  std::vector<double> bounds;
  for (; count > 0; --count, first *= 2) bounds.push_back(first);
  return bounds;
}

// A microsecond is little for a cipher, a minute much for a plugin.
const std::vector<double>& TransformBounds() {
  static const std::vector<double> bounds = DoublingBounds(5e-6, 25);
  return bounds;
}
const std::vector<double>& KmsBounds() {
  static const std::vector<double> bounds = DoublingBounds(1e-4, 19);
  return bounds;
}

// A row is a count for each bound, one for what lies above, and the sum.
void Observe(double* row, const std::vector<double>& bounds, Duration took) {
  const double seconds = std::chrono::duration<double>(took).count();
  const auto bound = std::ranges::lower_bound(bounds, seconds);
  row[bound - bounds.begin()] += 1;
  row[bounds.size() + 1] += seconds;
}

std::vector<std::string> LabelsOfRow(const std::string& key) {
  std::vector<std::string> labels;
  for (size_t at = 0; at < key.size();) {
    const size_t end = key.find('\0', at);
    labels.push_back(key.substr(at, end - at));
    at = end + 1;
  }
  return labels;
}

Measure Measured(const ShardedRows& rows) {
  return [&rows] {
    std::vector<Sample> samples;
    for (const auto& [key, row] : rows.Sum()) samples.push_back({LabelsOfRow(key), row[0]});
    return samples;
  };
}

MeasureHistogram MeasuredTimes(const ShardedRows& rows) {
  return [&rows] {
    std::vector<HistogramSample> samples;
    for (const auto& [key, row] : rows.Sum()) {
      samples.push_back({LabelsOfRow(key), {row.begin(), row.end() - 1}, row.back()});
    }
    return samples;
  };
}

}  // namespace

EncryptionMetrics::EncryptionMetrics(std::string server_hash)
    : server_hash_(std::move(server_hash)),
      seconds_(TransformBounds().size() + 2),
      kms_seconds_(KmsBounds().size() + 2) {}

void EncryptionMetrics::Transformed(std::string_view resource, std::string_view direction,
                                    std::string_view prefix, const std::string& error,
                                    Duration took) {
  std::string_view status = error.empty() ? "OK" : "unknown-non-grpc";
  // What a plugin answered.
  constexpr std::string_view kCode = "rpc error: code = ";
  if (const size_t at = error.find(kCode); at != std::string::npos) {
    status = std::string_view(error).substr(at + kCode.size());
    status = status.substr(0, status.find(' '));
  }
  operations_.Update({resource, direction, prefix, status}, [](double* row) { ++*row; });
  if (!error.empty()) return;
  seconds_.Update({direction, prefix},
                  [took](double* row) { Observe(row, TransformBounds(), took); });
}

void EncryptionMetrics::CalledKms(std::string_view plugin, std::string_view method,
                                  std::string_view code, Duration took) {
  kms_seconds_.Update({plugin, method, code},
                      [took](double* row) { Observe(row, KmsBounds(), took); });
}

void EncryptionMetrics::Reloaded(std::string_view status, TimePoint now) {
  reloads_.Update({status, server_hash_}, [](double* row) { ++*row; });
  const double seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
  // There is one thread that reloads, and so one shard that holds the number.
  reloaded_at_.Update({status, server_hash_}, [seconds](double* row) { *row = seconds; });
}

void EncryptionMetrics::AddTo(MetricRegistry& registry, Sources sources) {
  using Type = MetricRegistry::MeasuredType;
  const std::string controller = "apiserver_encryption_config_controller_";
  registry.AddMeasured({"apiserver_storage_transformation_operations_total",
                        "[ALPHA] Values that were sealed, or opened, or could not be.",
                        {"resource", "transformation_type", "transformer_prefix", "status"}},
                       Measured(operations_), Type::kCounter);
  registry.AddMeasuredHistogram({"apiserver_storage_transformation_duration_seconds",
                                 "[ALPHA] Seconds that this took.",
                                 {"transformation_type", "transformer_prefix"}},
                                TransformBounds(), MeasuredTimes(seconds_));
  registry.AddMeasuredHistogram({"apiserver_envelope_encryption_kms_operations_latency_seconds",
                                 "[ALPHA] Seconds that calls of KMS plugins took.",
                                 {"provider_name", "method_name", "grpc_status_code"}},
                                KmsBounds(), MeasuredTimes(kms_seconds_));
  registry.AddMeasured({"apiserver_storage_envelope_transformation_cache_misses_total",
                        "[ALPHA] Keys that a KMS plugin had to be asked for."},
                       [misses = sources.kms_misses] {
                         return std::vector<Sample>{{{}, misses()}};
                       },
                       Type::kCounter);
  registry.AddMeasured({controller + "automatic_reloads_total",
                        "[ALPHA] Changes of the encryption configuration that were taken, or not.",
                        {"status", "apiserver_id_hash"}},
                       Measured(reloads_), Type::kCounter);
  registry.AddMeasured({controller + "automatic_reload_last_timestamp_seconds",
                        "[ALPHA] When that was last.",
                        {"status", "apiserver_id_hash"}},
                       Measured(reloaded_at_));
  registry.AddMeasured({controller + "last_config_info",
                        "[ALPHA] The digest of the encryption configuration in use.",
                        {"apiserver_id_hash", "hash"}},
                       [hash = sources.config_hash, server = server_hash_] {
                         return std::vector<Sample>{{{server, hash()}, 1}};
                       });
}

}  // namespace skiff
