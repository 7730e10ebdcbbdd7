// What single values of compose files mean: sizes, durations, processors, command lines, names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/compose/node.h"

namespace skiff::cli::compose {

// "64m", "1.5GB", "512", 1024 -> bytes. Units are of 1024, as in Docker.
Result<int64_t> ReadBytes(const Node& node);
// 67108864 -> "64Mi"
std::string QuantityOfBytes(int64_t bytes);
// "0.5" -> "500m", 2 -> "2"
Result<std::string> ReadCpus(const Node& node);
// "1m30s" -> 90, "1w2d" -> 777600; rounded up.
Result<int64_t> ReadSeconds(const Node& node);
Result<int64_t> ReadInteger(const Node& node, int64_t least, int64_t most);
// A list as it is, a text as a shell would split it.
Result<std::vector<std::string>> ReadCommand(const Node& node);
// "0444" or 292 (of a plain 0444) -> 292
Result<int64_t> ReadMode(const Node& node);

// A name that objects may have: lower case, digits and dashes, at most 63. Other characters become
// dashes; what is too long ends in a part of its digest.
std::string ObjectName(std::string_view text);
// A value that labels may have.
std::string LabelValue(std::string_view text);
// The letters that keys of ConfigMaps and Secrets may have; others become "_".
std::string KeyText(std::string_view text);
// What tells texts apart in eight digits.
std::string ShortDigest(std::string_view text);

}  // namespace skiff::cli::compose
