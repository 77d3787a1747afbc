CREATE INDEX `uniqc_archived_status_time_idx` ON `archived_tasks` (`status`,`submit_time`);--> statement-breakpoint
CREATE INDEX `uniqc_archived_backend_status_time_idx` ON `archived_tasks` (`backend`,`status`,`submit_time`);--> statement-breakpoint
CREATE INDEX `uniqc_tasks_status_time_idx` ON `tasks` (`status`,`submit_time`);--> statement-breakpoint
CREATE INDEX `uniqc_tasks_backend_status_time_idx` ON `tasks` (`backend`,`status`,`submit_time`);