#include "api/crd/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "api/codec/json.h"
#include "api/crd/formats.h"
#include "api/crd/keyed_items.h"
#include "api/crd/numbers.h"
#include "api/crd/own_members.h"
#include "api/crd/place.h"
#include "api/text/go_text.h"
#include "api/text/go_value.h"
#include "api/text/patterns.h"
#include "api/text/runes.h"

namespace skiff::crd {
namespace {

// Of all patterns that the texts of an object are held against: a second, were all of them of
// the worst kind.
constexpr uint64_t kPatternWorkMax = 4 * kMatchWorkMax;
// Of all values of an object that are held against schemas, or against what an enum lists: some
// seconds. Where each value has one schema there are not a million of them.
constexpr uint64_t kLooksMax = 1 << 23;
// Of the path of a value that is wrong: what does not hold of it by one schema of several is often
// said to nobody, and one name may stand in the paths of all values.
constexpr size_t kPathBytesPerLook = 64;

// An object that is wrong in more places than that is wrong enough.
constexpr size_t kErrorsMax = 1000;
constexpr size_t kToldBytesMax = 4 << 20;

std::string_view TypeNameOf(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return "boolean";
  if (value.is_number()) return IsGoInt(value) ? "integer" : "number";
  if (value.is_string()) return "string";
  return value.is_array() ? "array" : "object";
}

// What all validators of one object may still take.
struct WorkLeft {
  uint64_t patterns = kPatternWorkMax;
  uint64_t looks = kLooksMax;
  // How often something was refused as it would take too long: nobody knows whether it holds.
  size_t refusals = 0;

  void Look(uint64_t count) { looks -= std::min(looks, count); }
};

class Validator {
 public:
  // Errors stand below `root`, though their texts do not say so.
  // Defaults are judged without a type where they are to be an integer or a text: Kubernetes says
  // that of their schemas only by an extension, which its validator does not know.
  Validator(const FieldPath& root, const Unchanged& unchanged, WorkLeft& left, Violations& out,
            bool is_default = false)
      : root_(root), unchanged_(unchanged), left_(left), out_(out), is_default_(is_default) {}

  void Value(const Schema& schema, const Json& value, const Json* old, const Place& path) {
    if (unchanged_.Holds(value, old)) return;
    const bool is_told_enough = out_.causes().size() >= kErrorsMax || out_.full();
    if (is_told_enough || told_bytes_ > kToldBytesMax) return;
    left_.Look(1);
    if (left_.looks == 0) return GiveUp(path);
    if (!IsPlainly(schema, value)) Type(schema, value, path);
    const SchemaLimits* limits = schema.limits.get();
    if (limits != nullptr && !value.is_null()) {
      if (Combines(*limits)) Combinations(*limits, value, path);
      if (value.is_string()) Text(*limits, value, path);
      if (value.is_number()) Numbers(*limits, value, path);
    }
    if (value.is_array()) Items(schema, value, old, path);
    if (limits != nullptr && !limits->values.empty()) Enumeration(*limits, value, path);
    if (value.is_object()) Members(schema, value, old, path);
  }

 private:
  // Whether it is of the schema's type, whatever else is said: nearly all that is sent is.
  static bool IsPlainly(const Schema& schema, const Json& value) {
    if (schema.int_or_string) return false;
    switch (value.type()) {
      case Json::value_t::object:
        return schema.type == "object";
      case Json::value_t::array:
        return schema.type == "array";
      case Json::value_t::string:
        return schema.type == "string";
      case Json::value_t::boolean:
        return schema.type == "boolean";
      case Json::value_t::number_integer:
        return schema.type == "integer";
      default:
        return false;
    }
  }

  // Whether it asks what other schemas say.
  static bool Combines(const SchemaLimits& limits) {
    return !limits.all_of.empty() || !limits.any_of.empty() || !limits.one_of.empty() ||
           limits.none_of != nullptr;
  }

  void Type(const Schema& schema, const Json& value, const Place& path) {
    const std::string_view is = TypeNameOf(value);
    if (value.is_null() && schema.nullable) return;
    const bool passes_for_integer = is == "number" && PassesForInteger(value.get<double>());
    if (schema.int_or_string && !is_default_) {
      if (is == "string" || is == "integer" || passes_for_integer) return;
      return WrongType(path, is, "integer,string");
    }
    if (schema.type.empty()) return;
    if (schema.type == is || (schema.type == "number" && is == "integer")) return;
    if (schema.type == "integer" && passes_for_integer) return;
    const bool is_numeric = schema.type == "integer" || schema.type == "number";
    const std::string& format = schema.Limits().format;
    const bool is_text = is == "string" || is == "array";
    if (!format.empty() && !is_numeric && is_text) return;
    // What may have formats of its own is told of these, unless it has that very one.
    if (!format.empty() && !is_text && !value.is_null() && FormatOf(value) != format) {
      return WrongType(path, FormatOf(value), format);
    }
    WrongType(path, is, schema.type);
  }

  static std::string_view FormatOf(const Json& value) {
    if (!value.is_number()) return "";
    return IsGoInt(value) ? "int64" : "float64";
  }

  void WrongType(const Place& path, std::string_view is, const std::string& wanted) {
    out_.TypeInvalid(At(path), std::string(is),
                     Body(path) + "must be of type " + wanted + ": \"" + std::string(is) + "\"");
  }

  // Once is enough.
  void GiveUp(const Place& path) {
    if (!gave_up_) {
      out_.Invalid(At(path), Printed::Nothing(),
                   Body(path) + "was not validated: the schemas of the object take too long "
                                "together");
    }
    gave_up_ = true;
    ++left_.refusals;
  }

  static std::string Body(const Place& path) {
    return path.Text() + " in body ";
  }

  void Combinations(const SchemaLimits& limits, const Json& value, const Place& path) {
    if (!limits.any_of.empty()) {
      const auto [valid, best] = Try(limits.any_of, value, path);
      if (left_.looks == 0) return GiveUp(path);
      if (valid == 0) {
        Combined(path, "must validate at least one schema (anyOf)");
        Tell(best);
      }
    }
    // What was refused might hold, and one more that does is one too many.
    const size_t refusals = left_.refusals;
    if (!limits.one_of.empty()) {
      const auto [valid, best] = Try(limits.one_of, value, path);
      if (left_.looks == 0) return GiveUp(path);
      if (valid != 1 || left_.refusals != refusals) {
        Combined(path, "must validate one and only one schema (oneOf). Found " +
                           (valid == 0 ? std::string("none valid")
                                       : std::to_string(valid) + " valid alternatives"));
        if (valid == 0) Tell(best);
      }
    }
    size_t valid = 0;
    for (const SchemaPtr& each : limits.all_of) {
      const Violations wrong = Apart(*each, value, path);
      if (left_.looks == 0) return GiveUp(path);
      valid += wrong.empty();
      Tell(wrong);
    }
    if (valid < limits.all_of.size()) {
      Combined(path, std::string("must validate all the schemas (allOf)") +
                         (valid == 0 ? ". None validated" : ""));
    }
    if (limits.none_of != nullptr && MayHold(*limits.none_of, value, path)) {
      Combined(path, "must not validate the schema (not)");
    }
  }

  void Tell(const Violations& wrong) {
    for (const Cause& cause : wrong.causes()) told_bytes_ += cause.message.size();
    out_.Append(wrong);
  }

  void Combined(const Place& path, const std::string& why) {
    out_.Invalid(root_, "", "\"" + path.Text() + "\" " + why);
  }

  bool MayHold(const Schema& schema, const Json& value, const Place& path) const {
    const size_t refusals = left_.refusals;
    return Apart(schema, value, path).empty() || left_.refusals != refusals;
  }

  Violations Apart(const Schema& schema, const Json& value, const Place& path) const {
    Violations wrong;
    Validator(root_, unchanged_, left_, wrong, is_default_).Value(schema, value, nullptr, path);
    return wrong;
  }

  // How many of the schemas hold, and what is wrong by the one that comes closest.
  std::pair<size_t, Violations> Try(const std::vector<SchemaPtr>& schemas, const Json& value,
                                    const Place& path) const {
    size_t valid = 0;
    Violations best;
    for (const SchemaPtr& each : schemas) {
      Violations wrong = Apart(*each, value, path);
      if (wrong.empty()) {
        ++valid;
      } else if (best.empty()) {
        best = std::move(wrong);
      }
      if (left_.looks == 0) break;
    }
    return {valid, std::move(best)};
  }

  void Text(const SchemaLimits& limits, const Json& value, const Place& path) {
    const auto& text = value.get_ref<const std::string&>();
    // There are no more of them than bytes.
    const auto has_more = [&](int64_t runes) {
      return static_cast<int64_t>(text.size()) > runes &&
             static_cast<int64_t>(RuneCount(text)) > runes;
    };
    if (limits.max_length && has_more(*limits.max_length)) {
      out_.TooLong(At(path), *limits.max_length);
    } else if (limits.min_length.value_or(0) > 0 && !has_more(*limits.min_length - 1)) {
      out_.Invalid(At(path), value,
                   Body(path) + "should be at least " + std::to_string(*limits.min_length) +
                       " chars long");
    } else if (!limits.pattern.empty()) {
      Pattern(limits.pattern, value, path);
    }
    if (!limits.format.empty() && !HasFormat(limits.format, text)) {
      out_.TypeInvalid(At(path), value,
                       Body(path) + "must be of type " + limits.format + ": " + GoQuote(text));
    }
  }

  // Everything matches what is no pattern. What might take too long is refused.
  void Pattern(const std::string& pattern, const Json& value, const Place& path) {
    const auto& text = value.get_ref<const std::string&>();
    const RE2& compiled = Compiled(pattern);
    if (!compiled.ok()) return;
    const uint64_t work = MatchWork(compiled, text);
    if (work > std::min(kMatchWorkMax, left_.patterns)) {
      ++left_.refusals;
      const bool alone = work > kMatchWorkMax;
      const uint64_t bytes_max = kMatchWorkMax / static_cast<uint64_t>(compiled.ProgramSize());
      return out_.Invalid(At(path), Printed::Nothing(),
                          Body(path) + (alone ? "is too long for its pattern, which takes " +
                                                    std::to_string(bytes_max) + " bytes at most"
                                              : "was not held against its pattern: the patterns "
                                                "of the object take too long together"));
    }
    left_.patterns -= work;
    if (RE2::PartialMatch(text, compiled)) return;
    out_.Invalid(At(path), value, Body(path) + "should match '" + pattern + "'");
  }

  // The last one is kept at hand, as of a list's items; of all there may be too many.
  const RE2& Compiled(const std::string& pattern) {
    if (pattern != pattern_) {
      auto [compiled, is_new] = TakePattern(pattern);
      if (is_new) left_.patterns -= std::min(left_.patterns, CompileWork(*compiled));
      compiled_ = std::move(compiled);
      pattern_ = pattern;
    }
    return *compiled_;
  }

  void Numbers(const SchemaLimits& limits, const Json& value, const Place& path) {
    if (IsGoInt(value)) {
      const auto number = value.get<int64_t>();
      Limits(limits, number, path, GoInt64,
             [&](int64_t factor) { return number % factor == 0; });
    } else {
      const auto number = value.get<double>();
      Limits(
          limits, number, path, [](double limit) { return limit; },
          [&](double factor) { return IsMultiple(number, factor); });
    }
  }

  // `number` is held against what `as_number` makes of the limits.
  template <typename Number, typename AsNumber, typename IsMultipleOf>
  void Limits(const SchemaLimits& limits, Number number, const Place& path,
              const AsNumber& as_number, const IsMultipleOf& is_multiple_of) {
    const auto text = [](Number limit) { return GoPlain(Json(limit)); };
    const auto say = [&](const char* what, Number limit) {
      out_.Invalid(At(path), Json(number), Body(path) + "should be " + what + text(limit));
    };
    if (limits.multiple_of) {
      const Number factor = as_number(*limits.multiple_of);
      if (factor <= 0) {
        out_.Invalid(At(path), Printed::Verbatim(text(factor)),
                     "factor MultipleOf declared for " + path.Text() +
                         " must be positive: " + text(factor));
      } else if (!is_multiple_of(factor)) {
        say("a multiple of ", factor);
      }
    }
    if (limits.minimum) {
      const Number minimum = as_number(*limits.minimum);
      if (limits.exclusive_minimum && number <= minimum) {
        say("greater than ", minimum);
      } else if (number < minimum) {
        say("greater than or equal to ", minimum);
      }
    }
    if (limits.maximum) {
      const Number maximum = as_number(*limits.maximum);
      if (limits.exclusive_maximum && number >= maximum) {
        say("less than ", maximum);
      } else if (number > maximum) {
        say("less than or equal to ", maximum);
      }
    }
  }

  void Items(const Schema& schema, const Json& list, const Json* old, const Place& path) {
    const SchemaLimits& limits = schema.Limits();
    const auto size = static_cast<int64_t>(list.size());
    const KeyedItems& before = lists_.Of(schema.list_type, schema.list_keys, old);
    const auto& items = list.get_ref<const Json::array_t&>();
    for (size_t i = 0; schema.items != nullptr && i < items.size(); ++i) {
      Value(*schema.items, items[i], before.Find(items[i]), path.Item(i));
    }
    if (limits.min_items && size < *limits.min_items) {
      out_.Invalid(At(path), size,
                   Body(path) + "should have at least " + std::to_string(*limits.min_items) +
                       " items");
    }
    if (limits.max_items && size > *limits.max_items) {
      out_.TooMany(At(path), list.size(), *limits.max_items);
    }
  }

  void Enumeration(const SchemaLimits& limits, const Json& value, const Place& path) {
    const auto found =
        std::find_if(limits.values.begin(), limits.values.end(), [&](const Json& each) {
          return EqualInGo(each, value) || IsConverted(value, each);
        });
    left_.Look(static_cast<uint64_t>(found - limits.values.begin()));
    // A null is none of the values, though it were listed.
    if (found != limits.values.end() && !value.is_null()) return;
    std::vector<std::string> words;
    for (const Json& each : limits.values) {
      words.push_back(each.is_string() ? each.get<std::string>() : DumpJson(each));
      told_bytes_ += words.back().size();
    }
    out_.NotSupported(At(path), value, words);
  }

  void Members(const Schema& schema, const Json& object, const Json* old,
               const Place& path) {
    const SchemaLimits& limits = schema.Limits();
    const auto size = static_cast<int64_t>(object.size());
    // Of an object of too few or too many Kubernetes says nothing else.
    if (limits.min_properties && size < *limits.min_properties) {
      return out_.Invalid(At(path), size,
                          Body(path) + "should have at least " +
                              std::to_string(*limits.min_properties) + " properties");
    }
    if (limits.max_properties && size > *limits.max_properties) {
      return out_.TooMany(At(path), object.size(), *limits.max_properties);
    }
    const auto old_of = [&](const std::string& name) -> const Json* {
      if (old == nullptr || !old->is_object() || IsOwnType(path, name)) return nullptr;
      const auto found = old->find(name);
      return found == old->end() ? nullptr : &*found;
    };
    PropertySearch properties(schema);
    for (const auto& [name, value] : object.get_ref<const Json::object_t&>()) {
      if (out_.full()) return;
      const Place below = path.Member(name);
      if (const Schema* property = properties.Find(name)) {
        Value(*property, value, old_of(name), below);
      } else if (schema.forbids_additional && !IsOwn(path, name)) {
        out_.Invalid(At(path), name, Body(below) + "is a forbidden property");
      } else if (schema.additional != nullptr) {
        Value(*schema.additional, value, old_of(name), is_default_ ? path.Value(name) : below);
      }
    }
    left_.Look(schema.required.size());
    for (const std::string& name : schema.required) {
      if (out_.full()) return;
      if (!object.contains(name)) out_.Required(At(path).Child(name));
    }
  }

  static bool IsOwn(const Place& path, const std::string& name) {
    return IsOwnType(path, name) || (path.IsRoot() && name == "metadata");
  }
  // An update does not show whether they changed: both objects were made of one version.
  static bool IsOwnType(const Place& path, const std::string& name) {
    return path.IsRoot() && (name == "apiVersion" || name == "kind");
  }

  // The path without the root in front. An item of a default is behind a dot as well.
  FieldPath At(const Place& path) const {
    if (!is_default_) {
      FieldPath at = PathBelow(root_, path);
      left_.Look(at.Text().size() / kPathBytesPerLook);
      return at;
    }
    const std::string text = path.Text();
    const std::string below = text.starts_with('.') ? text.substr(1) : text;
    return below.empty() ? root_ : root_.Child(below);
  }

  const FieldPath root_;
  const Unchanged& unchanged_;
  WorkLeft& left_;
  Violations& out_;
  const bool is_default_;
  KeyedLists lists_;  // Of what was there.
  bool gave_up_ = false;
  // Of texts that a value has made long. What is said has bounds of its own (api/violations.h); one
  // who looks on past them makes the same texts for each of a million values, for nobody.
  size_t told_bytes_ = 0;
  std::string_view pattern_;  // Of the schema.
  std::shared_ptr<const RE2> compiled_;
};

// The values that a schema's lists are checked in, with where they stand: those that have any.
template <typename Visit>
void WalkStructure(const Schema& schema, const Json& value, const Place& path,
                   const Visit& visit) {
  if (!schema.has_keyed_lists) return;
  visit(schema, value, path);
  if (value.is_array() && schema.items != nullptr) {
    for (size_t i = 0; i < value.size(); ++i) {
      WalkStructure(*schema.items, value[i], path.Item(i), visit);
    }
  }
  if (!value.is_object()) return;
  const bool is_root = path.IsRoot();
  PropertySearch properties(schema);
  for (const auto& [name, below] : value.get_ref<const Json::object_t&>()) {
    const Schema* property = properties.Find(name);
    if (is_root && IsOwnMember(name)) continue;
    if (property != nullptr) {
      WalkStructure(*property, below, path.Member(name), visit);
    } else if (schema.additional != nullptr) {
      WalkStructure(*schema.additional, below, path.Key(name), visit);
    }
  }
}

FieldPath PathOf(const Place& place) {
  return PathBelow(FieldPath(), place);
}

// What Go tells items of a set apart by: a number also by whether it is written as an integer, but
// within a list or an object by its text alone, where 1.0 is 1.
std::string SetIdentity(const Json& item) {
  const bool is_integer = item.is_number_integer() &&
                          !(item.is_number_unsigned() && item.get<uint64_t>() > INT64_MAX);
  if (!item.is_number() || is_integer) return DumpJson(item);
  const double number = item.get<double>();
  return "float64 " + DumpJson(Json(number == 0 ? 0.0 : number));
}

// Says once of each of `keys`, which stand for the items of the list at `path`, that it is there
// again, as `identity` knows it.
template <typename List, typename Identity>
void TellDuplicates(const List& keys, const Place& path, const Identity& identity,
                    Violations& out) {
  std::map<std::string, int> seen;
  for (size_t i = 0; i < keys.size() && !out.full(); ++i) {
    if (++seen[identity(keys[i])] == 2) out.Duplicate(PathOf(path.Item(i)), keys[i]);
  }
}

void CheckMap(const Schema& schema, const Json& list, const Place& path, WorkLeft& left,
              Violations& out) {
  std::vector<Json> all;
  for (size_t i = 0; i < list.size(); ++i) {
    if (!list[i].is_object() && !list[i].is_null()) {
      return out.Invalid(PathOf(path.Item(i)), list[i],
                         "must be an object for an array of list-type map");
    }
    left.Look(schema.list_keys.size());
    if (left.looks == 0) {
      return out.Invalid(PathOf(path), Printed::Nothing(), "has too many items for so many keys");
    }
    Json keys = Json::object();
    for (const std::string& key : schema.list_keys) {
      const auto found = list[i].find(key);
      if (found != list[i].end()) keys[key] = *found;
    }
    all.push_back(std::move(keys));
  }
  // One key alone counts as an item of a set does.
  TellDuplicates(
      all, path,
      [&](const Json& keys) {
        const bool alone = schema.list_keys.size() == 1 && !keys.empty();
        return alone ? SetIdentity(keys.front()) : DumpJson(keys);
      },
      out);
}

void CheckLists(const Schema& schema, const Json& value, Violations& out) {
  WorkLeft left;
  WalkStructure(schema, value, Place(), [&](const Schema& at, const Json& list, const Place& path) {
    if (!list.is_array() || out.full()) return;
    if (at.list_type == ListType::kSet) {
      TellDuplicates(list, path, SetIdentity, out);
    }
    if (at.list_type == ListType::kMap) CheckMap(at, list, path, left, out);
  });
}

void ValidateAt(const FieldPath& root, const Schema& schema, const Json& value,
                const Before* before, Violations& out, bool is_default = false) {
  const Unchanged nothing;
  WorkLeft left;
  Validator(root, before == nullptr ? nothing : before->unchanged, left, out, is_default)
      .Value(schema, value, before == nullptr ? nullptr : before->old, {});
}

}  // namespace

void ValidateValue(const Schema& schema, const Json& value, const Before* before,
                   Violations& out) {
  ValidateAt(FieldPath(), schema, value, before, out);
}

void ValidateStatus(const Schema& schema, const Json& value, const Before* before,
                    Violations& out) {
  ValidateAt(FieldPath("status"), schema, value, before, out);
}

void ValidateDefault(const Schema& schema, const Json& value, const FieldPath& at,
                     Violations& out) {
  ValidateAt(at, schema, value, nullptr, out, true);
}

void ValidateLists(const Schema& schema, const Json& value, const Json* old, Violations& out) {
  if (old != nullptr) {
    Violations before;
    CheckLists(schema, *old, before);
    if (!before.empty()) return;
  }
  CheckLists(schema, value, out);
}

}  // namespace skiff::crd
