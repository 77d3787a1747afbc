CREATE TABLE `archived_task_shards` (
	`uniqc_task_id` text NOT NULL,
	`shard_index` integer NOT NULL,
	`platform_task_id` text NOT NULL,
	`backend` text NOT NULL,
	`circuit_count` integer DEFAULT 1 NOT NULL,
	`sub_index_offset` integer DEFAULT 0 NOT NULL,
	`status` text NOT NULL,
	`result_json` text,
	`error_message` text,
	`submit_time` text NOT NULL,
	`update_time` text NOT NULL,
	`archived_at` text NOT NULL,
	PRIMARY KEY(`uniqc_task_id`, `shard_index`)
);
--> statement-breakpoint
CREATE INDEX `archived_task_shards_platform_idx` ON `archived_task_shards` (`platform_task_id`);--> statement-breakpoint
CREATE TABLE `task_shards` (
	`uniqc_task_id` text NOT NULL,
	`shard_index` integer NOT NULL,
	`platform_task_id` text NOT NULL,
	`backend` text NOT NULL,
	`circuit_count` integer DEFAULT 1 NOT NULL,
	`sub_index_offset` integer DEFAULT 0 NOT NULL,
	`status` text NOT NULL,
	`result_json` text,
	`error_message` text,
	`submit_time` text NOT NULL,
	`update_time` text NOT NULL,
	PRIMARY KEY(`uniqc_task_id`, `shard_index`),
	FOREIGN KEY (`uniqc_task_id`) REFERENCES `tasks`(`task_id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `task_shards_platform_idx` ON `task_shards` (`platform_task_id`);--> statement-breakpoint
CREATE INDEX `task_shards_status_idx` ON `task_shards` (`status`);--> statement-breakpoint
PRAGMA user_version = 4;
