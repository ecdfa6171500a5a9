#pragma once
#include "aws/rds.h"
#include "rds/rds.h"

namespace howdah::rds {

/// Reads the window that was asked for and nothing else: events outside of it cost nothing.
aws::rds::EventsMessage describe_events(Rds&, api::Context&, const aws::rds::DescribeEventsMessage&);
aws::rds::EventCategoriesMessage describe_event_categories(Rds&, api::Context&,
                                                           const aws::rds::DescribeEventCategoriesMessage&);

}  // namespace howdah::rds
