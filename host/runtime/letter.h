// Builds what the pipeline publishes about a record: retry copies and dead letters, in record or JSON format.
#pragma once

#include <span>
#include <string>

#include "core/disposition.h"
#include "core/headers.h"
#include "core/host_config.h"
#include "core/record.h"
#include "runtime/publisher.h"

namespace hostler::runtime {

// The JSON envelope of a dead letter: {originalEvent, error{message, stack, timestamp}, metadata{originalTopic, partition, offset,
// serviceName, retryCount}}. A value that is not one JSON document becomes base64 text, marked by "originalEventEncoding": "base64".
[[nodiscard]] std::string json_letter(const core::Record& record, const core::Disposition& disposition, const core::HandlerConfig& handler,
                                      const core::VerdictDetail* detail, core::Timestamp now, core::LetterSize size);

// Everything of the record as one block of bytes, for a dead letter that fits no topic: the ledger row keeps it.
[[nodiscard]] std::string stored_record(const core::Record& record, std::span<const core::HeaderView> headers);

}  // namespace hostler::runtime
