#include "apiserver/policies/params.h"

#include <fmt/format.h>

#include "api/codec/document_bytes.h"
#include "api/select/selector.h"
#include "apiserver/objects/list_in_version.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"

namespace skiff {
namespace {

using admissionregistration_v1::ParamRef;

Result<std::string> NamespaceOf(const ParamsWanted& wanted) {
  const ParamRef& ref = *wanted.ref;
  if (!wanted.kind->namespaced) {
    if (ref.namespace_.empty()) return std::string();
    return Fail(Reason::kInvalid,
                "paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
  }
  if (!ref.namespace_.empty()) return ref.namespace_;
  if (!wanted.namespace_name.empty()) return std::string(wanted.namespace_name);
  return Fail(Reason::kInvalid,
              "cannot use namespaced paramRef in policy binding that matches cluster-scoped "
              "resources");
}

Error TooManyBytes(size_t bytes_max) {
  return {Reason::kInvalid,
          fmt::format("the selector matches params of more than {} bytes", bytes_max)};
}

// Takes what the document of a parameter holds from `bytes_left`.
Result<> Add(const KindInfo& kind, const Record& record, size_t& bytes_left, PolicyParams& params) {
  auto param = std::make_shared<const Json>(TRY(DocumentOf(kind, record)));
  const size_t bytes = DocumentBytes(*param);
  if (bytes > bytes_left) return Fail(TooManyBytes(kParamDocumentBytesMax));
  bytes_left -= bytes;
  params.push_back(std::move(param));
  return {};
}

Result<PolicyParams> Named(Store& store, const KindInfo& kind, const std::string& space,
                           const std::string& name, size_t& bytes_left) {
  PolicyParams params;
  const auto record = store.Get(KeyOf(kind, space, name));
  if (record) {
    TRY(Add(kind, **record, bytes_left, params));
  } else if (record.error().reason != Reason::kNotFound) {
    return Fail(record.error());
  }
  return params;
}

Result<PolicyParams> Selected(Store& store, const KindInfo& kind, const std::string& space,
                              const meta_v1::LabelSelector& labels, size_t& bytes_left) {
  const LabelSelector selector = TRY(LabelSelector::From(labels));
  ListRequest list{.prefix = StorePrefix(kind.storage_key, space), .limit = kParamsMax};
  list.filter = [&](const Record& record) {
    const auto view = ObjectView::Of(record);
    return view && selector.MatchesEach([&](auto take) {
      view->ForEachLabel([&](const auto& label) { take(label.name, label.value); });
    });
  };
  const auto cursor = TRY(OpenListInVersion(store, kind, list));
  if (cursor->more()) {
    return Fail(Reason::kInvalid,
                fmt::format("the selector matches more than {} params", kParamsMax));
  }
  constexpr size_t kBytesAtOnce = 1 << 20;
  PolicyParams params;
  std::vector<RecordPtr> records;
  size_t bytes = 0;
  for (bool more = true; more;) {
    records.clear();
    more = TRY(cursor->Next(kBytesAtOnce, records));
    for (const RecordPtr& record : records) {
      bytes += record->value.size();
      if (bytes > kParamBytesMax) return Fail(TooManyBytes(kParamBytesMax));
      TRY(Add(kind, *record, bytes_left, params));
    }
  }
  return params;
}

}  // namespace

Result<PolicyParams> CollectParams(Store& store, const ParamsWanted& wanted) {
  if (wanted.kind == nullptr || wanted.ref == nullptr) return PolicyParams{nullptr};
  const ParamRef& ref = *wanted.ref;
  const std::string space = TRY(NamespaceOf(wanted));
  if (ref.name.empty() && !ref.selector) {
    return Fail(Reason::kInvalid, "one of name or selector must be provided");
  }
  if (!ref.name.empty() && ref.selector) {
    return Fail(Reason::kInvalid, "paramRef.name and paramRef.selector are mutually exclusive");
  }
  size_t own_left = kParamDocumentBytesMax;
  size_t& left = wanted.document_bytes_left == nullptr ? own_left : *wanted.document_bytes_left;
  Result<PolicyParams> params = ref.name.empty()
                                    ? Selected(store, *wanted.kind, space, *ref.selector, left)
                                    : Named(store, *wanted.kind, space, ref.name, left);
  if (params && params->empty() && ref.parameter_not_found_action == "Deny") {
    return Fail(Reason::kInvalid,
                "no params found for policy binding with `Deny` parameterNotFoundAction");
  }
  return params;
}

}  // namespace skiff
