CREATE TABLE `archived_tasks` (
	`task_id` text PRIMARY KEY,
	`backend` text NOT NULL,
	`status` text NOT NULL,
	`shots` integer DEFAULT 0 NOT NULL,
	`submit_time` text NOT NULL,
	`update_time` text NOT NULL,
	`result_json` text,
	`metadata_json` text DEFAULT '{}' NOT NULL,
	`archived_at` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `archived_backend_idx` ON `archived_tasks` (`backend`);--> statement-breakpoint
CREATE INDEX `archived_status_idx` ON `archived_tasks` (`status`);--> statement-breakpoint
CREATE INDEX `archived_submit_time_idx` ON `archived_tasks` (`submit_time`);--> statement-breakpoint
PRAGMA user_version = 2;
